//! Priority queues: whoever dies in whatever he does to one, each item is there as a whole, or was
//! taken by the dead, and the order holds.
//!
//! Items have numbers, eight for each who puts: those of the stage, of the victim, of the guests. A
//! ledger in shared memory has who has put and taken which for sure; the check takes what is left and
//! compares. Then the queue is filled to its bound, so that no room is lost.

mod alone;
mod ends;
mod twice;
mod waiting;

use ipc_shm::Shared;
use queues::{GetError, PriorityQueue, PutErrorKind};

use super::ledger::{FILLER, GUEST, Item, Ledger, VICTIM, account};
use crate::marks::marked;
use crate::scenario::{After, Case, Verdict};

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    [alone::cases(), waiting::cases(), ends::cases(), twice::cases()]
        .into_iter()
        .flatten()
        .collect()
}

impl Item {
    /// Not in the order of the numbers; several have the same.
    fn priority(&self) -> i64 {
        i64::from(self.number * 5 % 7)
    }
}

struct Stage {
    queue: PriorityQueue<Item>,
    ledger: Shared<Ledger>,
}

impl Stage {
    fn bounded(items: usize) -> Stage {
        let queue = PriorityQueue::bounded(items).expect("memory for a queue");
        Stage { queue, ledger: Ledger::new() }
    }

    fn put(&self, item: Item) {
        let number = item.number;
        self.queue.put(item.priority(), item).expect("an item can be put");
        self.ledger.note_put(number);
    }

    fn take(&self) {
        self.ledger.note_taken(&self.queue.get().expect("an item can be had"));
    }
}

fn empty() -> Stage {
    Stage::bounded(9)
}

/// Three items, and chunks that are free again.
fn three() -> Stage {
    let stage = empty();
    stage.queue.put(-1, Item::loaded(0, 500)).expect("there is room");
    (0..3).for_each(|number| stage.put(Item::new(number)));
    stage.queue.get().expect("it is there");
    stage
}

/// A queue of two items, which are there.
fn full() -> Stage {
    let stage = Stage::bounded(2);
    (0..2).for_each(|number| stage.put(Item::new(number)));
    stage
}

/// Uses a queue of its own, so that a first use is left out.
fn warm_up() {
    let queue = PriorityQueue::bounded(2).expect("memory for a queue");
    queue.put(1, Item::with_file(0)).expect("there is room");
    queue.put(0, Item::with_file(0)).expect("there is room");
    queue.get().expect("it is there").verify();
    queue.get().expect("it is there").verify();
}

fn put_marked(s: &Stage, item: Item) {
    let number = item.number;
    marked(|| s.queue.put(item.priority(), item)).expect("it can be put");
    s.ledger.note_put(number);
}

fn get_marked(s: &Stage) {
    let item = marked(|| s.queue.get());
    s.ledger.note_taken(&item.expect("it is there"));
}

fn put(s: &Stage) {
    warm_up();
    put_marked(s, Item::new(VICTIM));
}

fn get(s: &Stage) {
    warm_up();
    get_marked(s);
}

/// The check, for a victim that puts so many items and takes so many, and a second one of two dead
/// that takes so many.
fn settle<const PUTS: u32, const TAKES: u32, const AGAIN: u32>(
    s: &Stage,
    after: &After,
) -> Verdict {
    drain(s)?;
    account::<PUTS, TAKES, AGAIN>(&s.ledger, after)?;
    works(s)
}

/// Takes what is there; the length was right, and the order.
fn drain(s: &Stage) -> Verdict {
    let (len, mut last) = (s.queue.len(), i64::MIN);
    let mut count = 0;
    while let Some((priority, item)) = next(&s.queue)? {
        s.ledger.note_taken(&item);
        if priority != item.priority() || priority < last {
            return Err(format!("{} out of order", item.number));
        }
        last = priority;
        count += 1;
    }
    if count == len { Ok(()) } else { Err(format!("{count} items, and the length was {len}")) }
}

fn next(queue: &PriorityQueue<Item>) -> Result<Option<(i64, Item)>, String> {
    match queue.try_get_with_priority() {
        Ok(item) => Ok(Some(item)),
        Err(GetError::Empty | GetError::Disconnected) => Ok(None),
        Err(error) => Err(format!("no item: {error}")),
    }
}

/// Each operation works at once, and there is as much room as ever.
fn works(s: &Stage) -> Verdict {
    let queue = &s.queue;
    for item in [Item::loaded(FILLER, 500), Item::with_file(FILLER), Item::new(FILLER)] {
        queue.try_put(0, item).map_err(|error| format!("cannot be put: {error}"))?;
        queue.try_get().map_err(|error| format!("cannot be taken: {error}"))?.verify();
    }
    let bound = queue.capacity().unwrap_or(0);
    let fits = |number: &usize| queue.try_put(-(*number as i64), Item::new(FILLER)).is_ok();
    let room = (0..=bound).take_while(fits).count();
    let refused = queue.try_put(0, Item::new(FILLER)).map_err(|error| error.kind);
    if room != bound || !matches!(refused, Err(PutErrorKind::Full)) {
        return Err(format!("room for {room} of {bound}, then {refused:?}"));
    }
    for number in (0..bound).rev() {
        let taken = queue.try_get_with_priority().map_err(|error| error.to_string())?;
        if taken.0 != -(number as i64) {
            return Err(format!("priority {} instead of -{number}", taken.0));
        }
    }
    if queue.is_empty() { Ok(()) } else { Err("something is left".to_owned()) }
}
