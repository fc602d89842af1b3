//! What a producer does while there is no room, and a consumer while there is nothing.
//!
//! First it looks again a few times, as its partner may be running; then it naps at the gate's word,
//! where waking is quick; then it goes to sleep for good. Before each sleep it announces itself and
//! looks once more, so every step gives control back to the caller, who tries again.

use std::time::Instant;

use crate::gate::{Gate, LOOK, NAP};
use crate::pace::Pace;
use crate::patience::Patience;
use crate::platform::Spin;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again.
    Try,
    /// Nobody came while we napped: make ready to sleep for good, and try again.
    Arm,
    /// Sleep for good, then try again.
    Sleep,
    /// The time is up.
    GiveUp,
}

#[derive(Debug)]
enum Phase {
    Looking(Spin),
    Announced(u32),
    Napped,
    Armed,
}

/// One wait.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    gate: &'a Gate,
    patience: Patience,
    phase: Phase,
    pace: &'a Pace,
    /// How often it has looked since it began.
    looks: u32,
}

impl<'a> Waiting<'a> {
    pub(crate) fn new(gate: &'a Gate, pace: &'a Pace, patience: Patience) -> Waiting<'a> {
        let mut waiting = Waiting { gate, patience, phase: Phase::Napped, pace, looks: 0 };
        waiting.begin_again();
        waiting
    }

    /// The wait is over: the other side has got on by so many items.
    pub(crate) fn end(&self, items: u32) {
        if self.looks > 0 {
            self.pace.found(self.looks, items);
        }
    }

    /// What to do after a try that came to nothing.
    pub(crate) fn next(&mut self) -> Next {
        if let Phase::Looking(spin) = &mut self.phase
            && !matches!(self.patience, Patience::None)
            && spin.once()
        {
            self.looks += 1;
            return Next::Try;
        }
        if self.patience.is_over() {
            return Next::GiveUp;
        }
        match self.phase {
            Phase::Looking(_) => {
                if self.looks > 0 {
                    self.pace.slept();
                }
                self.phase = Phase::Announced(self.gate.announce());
                Next::Try
            }
            Phase::Announced(word) => self.nap(word),
            Phase::Napped => {
                self.phase = Phase::Armed;
                Next::Sleep
            }
            Phase::Armed => Next::Sleep,
        }
    }

    /// After a sleep for good: things move again.
    pub(crate) fn begin_again(&mut self) {
        self.looks = 0;
        let is_idle = self.gate.is_woken_from_here();
        self.phase = Phase::Looking(if is_idle { Spin::none() } else { self.pace.looks() });
    }

    fn nap(&mut self, word: u32) -> Next {
        let begin = Instant::now();
        self.gate.sleep(word, self.patience.within(NAP));
        if begin.elapsed() < NAP {
            self.begin_again();
            return Next::Try;
        }
        self.phase = Phase::Napped;
        Next::Arm
    }

    /// Sleeps at the gate for a producer that has napped for nothing.
    pub(crate) fn sleep_at_gate(&mut self, word: u32) {
        self.gate.sleep(word, self.patience.within(LOOK));
    }
}
