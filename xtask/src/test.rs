//! `cargo xtask test`: the workspace's tests, doc tests included, then every example.

use crate::step::{Step, timed};
use crate::{Result, examples, flags};

const ALL: Step = Step { name: "tests", line: "cargo test --workspace", env: &[] };

const WITHOUT_DOC_TESTS: Step =
    Step { name: "tests", line: "cargo test --workspace --lib --bins --tests", env: &[] };

/// The command lines that this command runs, for the check that the README's are among CI's.
pub(crate) const LINES: &[&str] = &[ALL.line, "cargo xtask examples"];

pub(crate) fn run(flags: &flags::Test) -> Result {
    let tests = if flags.quick { WITHOUT_DOC_TESTS } else { ALL };
    tests.run()?;
    timed("examples", examples::run)?;
    Ok(())
}
