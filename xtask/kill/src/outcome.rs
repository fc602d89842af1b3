//! What a scenario came to, over all its kills.

use std::fmt;
use std::time::{Duration, Instant};

use crate::image::Image;

/// A kill after which something was wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Which stop it was: one number for each process that was stopped.
    pub(crate) stops: Vec<usize>,
    /// Where the last of them stood, if it did not sleep.
    pub(crate) place: Option<String>,
    pub(crate) what: String,
}

impl Failure {
    pub(crate) fn new(stops: &[usize], address: Option<usize>, what: impl Into<String>) -> Self {
        let place = address.map(crate::place::name);
        Self { stops: stops.to_vec(), place, what: what.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stops: Vec<String> = self.stops.iter().map(usize::to_string).collect();
        let place = self.place.as_deref().unwrap_or("in a system call");
        write!(f, "killed after {} at {place}: {}", stops.join(" and "), self.what)
    }
}

#[derive(Debug)]
pub(crate) struct Outcome {
    /// How many kills there were.
    pub(crate) kills: usize,
    /// How many of them met the victim asleep.
    pub(crate) asleep: usize,
    /// How many instructions the operation has.
    pub(crate) length: usize,
    pub(crate) failures: usize,
    pub(crate) first: Option<Failure>,
    /// The longest that a survivor took after a kill.
    pub(crate) worst: Duration,
    started: Instant,
    pub(crate) took: Duration,
}

impl Outcome {
    pub(crate) fn start() -> Self {
        let zero = Duration::ZERO;
        let (kills, asleep, length, failures, first) = (0, 0, 0, 0, None);
        let started = Instant::now();
        Self { kills, asleep, length, failures, first, worst: zero, started, took: zero }
    }

    pub(crate) fn fails(&mut self, failure: Failure) {
        self.failures += 1;
        self.first.get_or_insert(failure);
    }

    pub(crate) fn end(mut self) -> Self {
        self.took = self.started.elapsed();
        self
    }
}

/// Words for a survivor that did not get on: who, and what lies in the stage.
pub(crate) fn hang(who: &str) -> String {
    format!("HANG: {who}; stage:{}", Image::take().show())
}
