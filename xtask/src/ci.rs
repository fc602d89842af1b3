//! `cargo xtask ci`: what CI runs, as data, in one place. Each line also runs by itself.

use std::time::Duration;

use crate::step::Step;
use crate::{Result, test};

const STEPS: &[Step] = &[
    Step { name: "fmt", line: "cargo fmt --all --check", env: &[] },
    Step {
        name: "clippy",
        line: "cargo clippy --workspace --all-targets -- -D warnings",
        env: &[],
    },
    Step {
        name: "doc",
        line: "cargo doc --workspace --no-deps",
        env: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step { name: "tidy", line: "cargo xtask tidy", env: &[] },
    Step { name: "test", line: "cargo xtask test", env: &[] },
    Step { name: "main job", line: "cargo xtask bench fib", env: &[] },
    Step { name: "benchmarks", line: "cargo xtask bench --all --quick", env: &[] },
    Step {
        name: "micro benchmarks",
        line: "cargo bench --package benches --bench micro -- --test",
        env: &[],
    },
    Step { name: "kill", line: "cargo xtask kill --quick", env: &[] },
    Step { name: "soak", line: "cargo xtask soak queue --seconds 16", env: &[] },
    Step { name: "soak of pools", line: "cargo xtask soak pool --seconds 16", env: &[] },
    Step { name: "loom", line: "cargo xtask loom --quick", env: &[] },
    Step { name: "fuzz", line: "cargo xtask fuzz --seconds 20", env: &[] },
];

pub(crate) fn run() -> Result {
    let mut times = Vec::new();
    for step in STEPS {
        times.push((step.name, step.run()?));
    }
    print_times(&times);
    Ok(())
}

/// Every command line that CI runs, by itself or inside one of its steps.
pub(crate) fn lines() -> impl Iterator<Item = &'static str> {
    let own = ["cargo xtask ci"].into_iter();
    own.chain(STEPS.iter().map(|step| step.line)).chain(test::LINES.iter().copied())
}

fn print_times(times: &[(&str, Duration)]) {
    println!("\nall steps passed");
    for (name, took) in times {
        println!("{name:<17} {:>7.1} s", took.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, took)| took).sum();
    println!("{:<17} {:>7.1} s", "total", total.as_secs_f64());
}
