//! Kills producers and consumers of a queue at random, for minutes, and accounts for every item.
//!
//! In rounds of some seconds, each with a queue of its own: workers put and take as quickly as they
//! can, in all the ways there are, and note in shared memory what they have done for sure and what
//! they are in the middle of; a supervisor kills one after the other and starts another in its place.
//! At the end of a round every item must be accounted for.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that talks to a terminal")]

mod account;
mod dice;
mod item;
mod round;
mod workers;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::account::Sum;
use crate::dice::Dice;

const USAGE: &str = "usage: soak queue [--seconds SECONDS] [--seed SEED]";

/// What is run: for how long, and with which choices.
#[derive(Debug)]
struct Order {
    time: Duration,
    seed: u64,
}

fn main() -> ExitCode {
    procspawn_core::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = order(&args)
        .and_then(|order| run(&order).map_err(|error| format!("{error} (--seed {})", order.seed)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn order(args: &[String]) -> Result<Order, String> {
    let mut words = args.iter().map(String::as_str);
    if words.next() != Some("queue") {
        return Err(USAGE.to_owned());
    }
    let mut order = Order { time: Duration::from_secs(600), seed: dice::from_the_clock() };
    while let Some(word) = words.next() {
        let number: u64 = words.next().and_then(|number| number.parse().ok()).ok_or(USAGE)?;
        match word {
            "--seconds" => order.time = Duration::from_secs(number),
            "--seed" => order.seed = number,
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(order)
}

fn run(order: &Order) -> Result<(), String> {
    println!("queue: seed {}", order.seed);
    let (begin, mut dice, mut sum) = (Instant::now(), Dice::new(order.seed), Sum::default());
    let mut open = None;
    for number in 0.. {
        let left = order.time.saturating_sub(begin.elapsed());
        if left.is_zero() {
            break;
        }
        sum.add(&round::run(number, left, &mut dice)?);
        // What the first process needs stays open for the others.
        let (first, now) = (*open.get_or_insert_with(descriptors), descriptors());
        if now != first {
            return Err(format!("{first} descriptors were open, and now {now}"));
        }
    }
    println!("{sum} in {:.0} s", begin.elapsed().as_secs_f64());
    Ok(())
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
