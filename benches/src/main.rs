//! Workloads and contenders, measured side by side: `cargo xtask bench NAME`.
//!
//! `workloads.toml` says what is measured, a module per family says how, and each contender runs in
//! a process of its own (this program again, as `benches measure`), so that no contender sees
//! another's threads, memory or children.
#![deny(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that talks to a terminal")]

mod array;
mod ballast;
mod bare;
mod barrier;
mod clock;
mod contender;
mod cores;
mod event;
mod fib;
mod fork;
mod forkserver;
mod futex;
mod line;
mod machine;
mod mutex;
mod other;
mod peer;
mod pingpong;
mod pool;
mod posix;
mod python;
mod queue;
mod region;
mod report;
mod runner;
mod rwlock;
mod semaphore;
mod spawn;
mod stats;
mod tally;
mod throughput;
mod workload;

use std::process::ExitCode;

use crate::contender::Setting;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: benches list | run NAME [--quick] | run --all [--quick]";

#[multiproc::main]
fn main() -> ExitCode {
    if bare::served() {
        return ExitCode::SUCCESS;
    }
    match command() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Result {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let all = args.len();
    args.retain(|arg| arg != "--quick");
    let setting = Setting { quick: args.len() < all };
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => list(),
        ["run", "--all"] => run(&workload::all()?, setting),
        ["run", name] => run(&[workload::named(name)?], setting),
        ["measure", workload, contender] => peer::serve(workload, contender, setting),
        _ => Err(USAGE.into()),
    }
}

fn list() -> Result {
    for workload in workload::all()? {
        println!("{:<20} {}", workload.name, workload.about);
    }
    println!("\nmeasure one with: cargo xtask bench NAME [--quick]");
    Ok(())
}

fn run(workloads: &[workload::Workload], setting: Setting) -> Result {
    let machine = machine::describe();
    for workload in workloads {
        let results = runner::run(workload, setting)?;
        let table = report::table(workload, &results);
        println!("{table}");
        let path = report::save(workload, setting, &machine, &table)?;
        println!("written to {}\n", path.display());
    }
    Ok(())
}
