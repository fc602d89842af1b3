//! What is killed, who is there meanwhile, and what must hold afterwards.

use std::borrow::Cow;

use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::{double, pairs, single};

/// A scenario of any stage, as the table holds it.
pub(crate) trait Case {
    fn name(&self) -> &str;
    fn is_control(&self) -> bool;
    fn run(&self, plan: &Plan) -> Outcome;
}

/// What survivors found: nothing, or what is wrong, in words.
pub(crate) type Verdict = Result<(), String>;

/// What happened before the check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct After {
    /// Whether the victim had come to the end of its operation. In a pair: both had.
    pub(crate) finished: bool,
    /// How many processes were killed: none if both of a pair went on.
    pub(crate) deaths: usize,
}

/// When a guest comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    BeforeTheVictim,
    BeforeTheOperation,
    BehindTheVictim,
    AtTheStop,
    AfterTheKill,
}

/// A process that is alive besides the victim and must come to its end after the kill.
#[derive(Debug)]
pub(crate) struct Guest<S> {
    pub(crate) arrival: Arrival,
    pub(crate) act: fn(&S),
}

/// What a second process does to be stopped at each of its own instructions.
#[derive(Debug)]
pub(crate) enum Second<S> {
    None,
    Recovery(fn(&S)),
    Rival(fn(&S)),
}

/// A scenario over a stage `S`: a value of the harness that lies in shared memory or refers to it,
/// made anew for each kill and inherited by all processes of the run.
#[derive(Debug)]
pub(crate) struct Scenario<S> {
    name: Cow<'static, str>,
    pub(crate) stage: fn() -> S,
    pub(crate) victim: fn(&S),
    pub(crate) check: fn(&S, &After) -> Verdict,
    pub(crate) guests: Vec<Guest<S>>,
    pub(crate) second: Second<S>,
    control: bool,
}

impl<S> Scenario<S> {
    /// A victim by itself. It calls [`marked`](crate::marks::marked) around what is killed; the
    /// check runs in a process of its own, and neither it nor a guest may hang.
    pub(crate) fn new(
        name: impl Into<Cow<'static, str>>,
        stage: fn() -> S,
        victim: fn(&S),
        check: fn(&S, &After) -> Verdict,
    ) -> Self {
        let (guests, second, control) = (Vec::new(), Second::None, false);
        let name = name.into();
        Self { name, stage, victim, check, guests, second, control }
    }

    /// With a process that comes first and acts until it calls [`hold`](crate::marks::hold); its
    /// cue comes when the victim sleeps, or else after the kill.
    pub(crate) fn holder(self, act: fn(&S)) -> Self {
        self.with(Arrival::BeforeTheVictim, act)
    }

    /// With a process that acts when the victim has prepared itself, until it sleeps or ends.
    pub(crate) fn sleeper(self, act: fn(&S)) -> Self {
        self.with(Arrival::BeforeTheOperation, act)
    }

    /// With a process that acts when the victim sleeps, until it sleeps too, behind the victim.
    pub(crate) fn follower(self, act: fn(&S)) -> Self {
        self.with(Arrival::BehindTheVictim, act)
    }

    /// With a process that acts while the victim stands where it will be killed.
    pub(crate) fn barger(self, act: fn(&S)) -> Self {
        self.with(Arrival::AtTheStop, act)
    }

    /// With a process that acts after the kill, beside all others.
    pub(crate) fn mourner(self, act: fn(&S)) -> Self {
        self.with(Arrival::AfterTheKill, act)
    }

    /// With a second victim that meets what the first has left, and is killed at each instruction
    /// in turn, for each death of the first. Of the guests only mourners come.
    pub(crate) fn recovery(self, act: fn(&S)) -> Self {
        Self { second: Second::Recovery(act), ..self }
    }

    /// With a second process stopped at each of its instructions, for each stop of the first; then
    /// the first goes on, or is killed, and the second goes on. No guests come.
    pub(crate) fn rival(self, act: fn(&S)) -> Self {
        Self { second: Second::Rival(act), ..self }
    }

    /// A scenario that must fail, to show that the harness notices.
    pub(crate) fn control(self) -> Self {
        Self { control: true, ..self }
    }

    fn with(mut self, arrival: Arrival, act: fn(&S)) -> Self {
        self.guests.push(Guest { arrival, act });
        self
    }
}

impl<S> Case for Scenario<S> {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_control(&self) -> bool {
        self.control
    }

    fn run(&self, plan: &Plan) -> Outcome {
        let plan = if self.control { plan.for_control() } else { *plan };
        match self.second {
            Second::None => single::sweep(self, &plan),
            Second::Recovery(act) => double::sweep(self, act, &plan),
            Second::Rival(act) => pairs::sweep(self, act, &plan),
        }
    }
}
