//! Giving memory back: whoever drains a large ring and dies meanwhile leaves room for any item.

use queues::Queue;

use super::{GUEST, Item, Ledger, Stage, account, of_some_units, take_one, warm_up};
use crate::marks::marked;
use crate::scenario::{After, Case, Scenario, Verdict};

/// So many bytes take a mebibyte of the ring, with the header.
const MEBIBYTE: usize = (1 << 20) - 8;

/// What fits into a drained queue only if the ring is in use nowhere.
const LONGEST: usize = 12 << 20;

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let new = |name, stage| Scenario::new(name, stage, drain_large, has_room);
    let both = new("queue/shrink+both", large_at_beginning).mourner(put_long).mourner(take_one);
    vec![
        Box::new(new("queue/shrink", large)),
        Box::new(new("queue/shrink-at-beginning", large_at_beginning)),
        Box::new(new("queue/shrink-beyond", large_beyond)),
        Box::new(new("queue/shrink+barger", large).barger(put_long)),
        Box::new(both),
    ]
}

fn of_no_bound() -> Stage {
    let queue = Queue::unbounded().expect("memory for a queue");
    Stage { queue, ledger: Ledger::new(), bound: 1000 }
}

/// The last item stands behind all that the ring had to grow for.
fn large() -> Stage {
    let stage = of_no_bound();
    fill(&stage);
    stage.put(Item::new(0));
    (0..8).for_each(|_| take_bytes(&stage));
    stage
}

/// The last item stands at the beginning, where the ring has started over.
fn large_at_beginning() -> Stage {
    let stage = of_no_bound();
    fill(&stage);
    (0..7).for_each(|_| take_bytes(&stage));
    // There is room for one more of 7 units, where growth by doubling has ended.
    stage.queue.put_bytes(&[0; 100]).expect("there is memory");
    stage.put(of_some_units(0));
    (0..2).for_each(|_| take_bytes(&stage));
    stage
}

/// The last item stands behind the end of a ring that had come round when it had to grow.
fn large_beyond() -> Stage {
    let stage = of_no_bound();
    let put_kibibytes = |many: usize| {
        stage.queue.put_bytes(&vec![0; (many << 10) - 8]).expect("there is memory");
    };
    (0..3).for_each(|_| put_kibibytes(8));
    (0..2).for_each(|_| take_bytes(&stage));
    // Of 32 KiB, the last 8 are skipped: the head is at 16, and the tail at 12.
    put_kibibytes(12);
    fill(&stage);
    stage.put(Item::new(0));
    (0..10).for_each(|_| take_bytes(&stage));
    stage
}

fn fill(stage: &Stage) {
    let bytes = vec![0; MEBIBYTE];
    (0..8).for_each(|_| stage.queue.put_bytes(&bytes).expect("there is memory"));
}

fn take_bytes(stage: &Stage) {
    drop(stage.queue.get_ref().expect("it is there"));
}

fn drain_large(s: &Stage) {
    warm_up();
    let item = marked(|| s.queue.get()).expect("it is there");
    s.ledger.note_taken(&item);
}

/// Longer than what lies before a last item at the beginning.
fn put_long(s: &Stage) {
    s.put(Item::loaded(GUEST, 3000));
}

/// Without a consumer that would set it right, a long item finds room in a drained queue.
fn has_room(s: &Stage, after: &After) -> Verdict {
    let items = s.queue.len();
    if items == 0 {
        s.queue.try_put_bytes(&vec![0; LONGEST]).map_err(|error| error.to_string())?;
        let item = s.queue.try_get_ref().map_err(|error| error.to_string())?;
        assert_eq!(item.len(), LONGEST);
    }
    (0..items).for_each(|_| s.take());
    account::<0, 1, 0>(&s.ledger, after)?;
    if s.queue.is_empty() { Ok(()) } else { Err("something is left".to_owned()) }
}
