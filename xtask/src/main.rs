//! The project's chores: `cargo xtask COMMAND`.
//!
//! Commands are data in `flags.rs`, each runs in a module of its own, and this file joins the two.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that talks to a terminal")]

mod bench;
mod ci;
mod examples;
mod flags;
mod fuzz;
mod kill;
mod loom;
mod miri;
mod nightly;
mod paths;
mod san;
mod soak;
mod step;
mod test;
mod tidy;
mod wildcard;

use std::process::ExitCode;

use crate::flags::XtaskCmd;

/// What a command gives back; the error is printed as it stands.
type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match run(flags::Xtask::from_env_or_exit().subcommand) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: XtaskCmd) -> Result {
    match command {
        XtaskCmd::Test(flags) => test::run(&flags),
        XtaskCmd::Examples(_) => examples::run(),
        XtaskCmd::Bench(flags) => bench::run(&flags),
        XtaskCmd::Kill(flags) => kill::run(&flags),
        XtaskCmd::Soak(flags) => soak::run(&flags),
        XtaskCmd::Loom(flags) => loom::run(&flags),
        XtaskCmd::Miri(_) => miri::run(),
        XtaskCmd::San(_) => san::run(),
        XtaskCmd::Tidy(_) => tidy::run(),
        XtaskCmd::Fuzz(flags) => fuzz::run(&flags),
        XtaskCmd::Ci(_) => ci::run(),
    }
}
