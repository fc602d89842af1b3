//! A victim that ends the queue: it is open or ended, never something in between.

use queues::{GetError, PutErrorKind};

use super::{FILLER, Item, Stage, drain, empty, settle, three, warm_up};
use crate::marks::marked;
use crate::scenario::{After, Case, Scenario, Verdict};

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let new = |name, stage, victim, check| Scenario::new(name, stage, victim, check);
    vec![
        Box::new(new("priority/close", three, close, closed)),
        Box::new(new("priority/close+sleeper", empty, close, closed).sleeper(wait).mourner(end)),
        Box::new(new("priority/shutdown", three, shut_down, shut)),
        Box::new(new("priority/shutdown-double", three, shut_down, shut).recovery(shut_down)),
    ]
}

fn close(s: &Stage) {
    warm_up();
    marked(|| s.queue.close());
}

fn shut_down(s: &Stage) {
    warm_up();
    marked(|| s.queue.shutdown()).expect("the lock can be had");
}

/// Waits for the end.
fn wait(s: &Stage) {
    assert!(matches!(s.queue.get(), Err(GetError::Disconnected)));
}

/// If the victim did not close the queue, somebody else does.
fn end(s: &Stage) {
    if !s.queue.is_closed() {
        s.queue.close();
    }
}

fn closed(s: &Stage, after: &After) -> Verdict {
    if !s.queue.is_closed() {
        return if after.finished { Err("not closed".into()) } else { settle::<0, 0, 0>(s, after) };
    }
    drain(s)?;
    super::account::<0, 0, 0>(&s.ledger, after)?;
    has_ended(s)
}

fn shut(s: &Stage, after: &After) -> Verdict {
    if !s.queue.is_closed() {
        return if after.finished { Err("not shut".into()) } else { settle::<0, 0, 0>(s, after) };
    }
    if s.queue.is_empty() { has_ended(s) } else { Err("something is left".into()) }
}

fn has_ended(s: &Stage) -> Verdict {
    let put = s.queue.try_put(0, Item::new(FILLER)).map_err(|error| error.kind);
    let got = s.queue.try_get().map(drop);
    match (put, got) {
        (Err(PutErrorKind::Closed), Err(GetError::Disconnected)) => Ok(()),
        other => Err(format!("closed, and {other:?}")),
    }
}
