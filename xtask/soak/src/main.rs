//! Kills processes at random, for minutes, and accounts for all that they did: producers and consumers
//! of queues, workers of pools.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a program that talks to a terminal")]

mod dice;
mod pool;
mod queue;
mod remains;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::remains::Remains;

const USAGE: &str = "usage: soak queue|pool [--seconds SECONDS] [--seed SEED]";

/// What is run: for how long, and with which choices.
#[derive(Debug)]
struct Order {
    what: What,
    time: Duration,
    seed: u64,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Queue,
    Pool,
}

fn main() -> ExitCode {
    // Also in the processes that are started.
    pool::hush_panics_by_order();
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
    let what = match words.next() {
        Some("queue") => What::Queue,
        Some("pool") => What::Pool,
        _ => return Err(USAGE.to_owned()),
    };
    let mut order = Order { what, time: Duration::from_secs(600), seed: dice::from_the_clock() };
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
    let (mut dice, mut rounds) = (Dice::new(order.seed), Rounds::new(order.time));
    let sum = match order.what {
        What::Queue => {
            println!("queue: seed {}", order.seed);
            queue::run(&mut dice, &mut rounds)?
        }
        What::Pool => {
            println!("pool: seed {}", order.seed);
            pool::run(&mut dice, &mut rounds)?
        }
    };
    println!("{sum} in {:.0} s", rounds.begin.elapsed().as_secs_f64());
    Ok(())
}

/// The rounds of a run, until its time is over. None leaves more behind than the first one.
#[derive(Debug)]
struct Rounds {
    begin: Instant,
    time: Duration,
    number: usize,
    remains: Option<Remains>,
}

impl Rounds {
    fn new(time: Duration) -> Rounds {
        Rounds { begin: Instant::now(), time, number: 0, remains: None }
    }

    /// The number of the next round, and how much time there is.
    fn next(&mut self) -> Result<Option<(usize, Duration)>, String> {
        if self.number > 0 {
            self.remains.get_or_insert_with(Remains::settled).compare()?;
        }
        let left = self.time.saturating_sub(self.begin.elapsed());
        self.number += 1;
        Ok((!left.is_zero()).then_some((self.number - 1, left)))
    }
}
