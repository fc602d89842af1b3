//! Kills a process after each instruction of an operation and asks the survivors.
//!
//! The operation runs in a forked child under ptrace, is stopped after its n-th instruction and
//! killed there with SIGKILL, for every n. After each kill the survivors must get on within a
//! deadline and find every invariant intact. `README.md` says how to add a scenario; scenarios that
//! must fail (controls) show that the harness would notice.
#![deny(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that talks to a terminal")]

mod board;
mod census;
mod child;
mod company;
mod double;
mod image;
mod marks;
mod outcome;
mod pairs;
mod place;
mod plan;
mod processor;
mod report;
mod scenario;
mod scenarios;
mod shared;
mod single;
mod symbols;
mod tick;
mod trace;
mod tracee;

use std::process::ExitCode;

use crate::census::Census;
use crate::plan::Plan;
use crate::scenario::Case;

const USAGE: &str = "usage: kill list | run NAME [--quick] | run --all [--quick]";

fn main() -> ExitCode {
    // Workers of pools are this program, too.
    procspawn_core::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["list"] => list(),
        ["run", "--all"] => run(&scenarios::all(), &Plan::every_instruction()),
        ["run", "--all", "--quick"] => run(&scenarios::all(), &Plan::quick()),
        ["run", name] => run(&scenarios::named(name), &Plan::every_instruction()),
        ["run", name, "--quick"] => run(&scenarios::named(name), &Plan::quick()),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> Result<(), String> {
    scenarios::all().iter().for_each(|case| println!("{}", case.name()));
    Ok(())
}

fn run(cases: &[Box<dyn Case>], plan: &Plan) -> Result<(), String> {
    if cases.is_empty() {
        return Err("no scenario has this in its name; `cargo xtask kill` lists them".to_owned());
    }
    board::set_up();
    processor::pin();
    tick::start();
    let before = Census::take();
    report::run(cases, plan)?;
    before.compare()
}
