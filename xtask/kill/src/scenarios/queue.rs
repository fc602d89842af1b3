//! Queues: whoever dies in whatever he does to one, each item is there, or was taken by the dead.
//!
//! Items have numbers, eight of them for each who puts: those of the stage, of the victim, of the
//! guests. A ledger in shared memory has who has put and taken which for sure; the check takes what is
//! left and compares. Then the queue is filled to its bound and all places of its table are used, so
//! that nothing is lost for good.

mod ends;
mod gets;
mod jobs;
mod leases;
mod puts;
mod shrink;
mod twice;

use std::time::{Duration, Instant};

use ipc_shm::Shared;
use queues::{GetError, PutErrorKind, Queue};

use super::ledger::{FILLER, GUEST, Item, Ledger, VICTIM, account};
use crate::scenario::{After, Case, Verdict};

/// So long that a guest's naps are over and it sleeps at the bell.
const NAPPED: Duration = Duration::from_millis(70);

/// An item of so many bytes does not lie in a ring of [`RING`] bytes.
const LONG: usize = 2400;

/// The ring of a small stage, and how many items of a unit it takes.
const RING: usize = 4096;
/// One of them is kept for a jump.
const UNITS: u32 = 256;

/// How many items of a queue can be out of it, by how many threads here.
const PLACES: usize = 120;
const THREADS: usize = 2;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    [
        puts::cases(),
        gets::cases(),
        leases::cases(),
        jobs::cases(),
        ends::cases(),
        shrink::cases(),
        twice::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Item {
    fn long(number: u32) -> Item {
        Item::loaded(number, LONG)
    }
}

struct Stage {
    queue: Queue<Item>,
    ledger: Shared<Ledger>,
    /// How many items of a unit fit into it.
    bound: u32,
}

/// A queue of few bytes.
fn empty() -> Stage {
    let queue = Queue::bounded_bytes(RING).expect("memory for a queue");
    Stage { queue, ledger: Ledger::new(), bound: UNITS - 1 }
}

/// The same with three items.
fn three() -> Stage {
    let stage = empty();
    (0..3).for_each(|number| stage.put(Item::new(number)));
    stage
}

/// A queue of two items, which are there.
fn full() -> Stage {
    let queue = Queue::bounded(2).expect("memory for a queue");
    let stage = Stage { queue, ledger: Ledger::new(), bound: 2 };
    (0..2).for_each(|number| stage.put(Item::new(number)));
    stage
}

/// A ring in which the next item does not fit below the end, so that a jump leads to its beginning.
fn before_the_end() -> Stage {
    let stage = empty();
    let bytes = [0; RING / 4 - 8];
    for _ in 0..3 {
        stage.queue.put_bytes(&bytes).expect("there is room");
        stage.queue.get_bytes().expect("it is there");
    }
    stage.queue.put_bytes(&bytes[..RING / 4 - 64 - 8]).expect("there is room");
    stage.queue.get_bytes().expect("it is there");
    stage
}

/// An item that does not fit into what [`before_the_end`] leaves.
fn of_some_units(number: u32) -> Item {
    Item { load: vec![number as u8; 100], ..Item::new(number) }
}

impl Stage {
    fn put(&self, item: Item) {
        let number = item.number;
        self.queue.put(item).expect("an item can be put");
        self.ledger.note_put(number);
    }

    fn take(&self) {
        self.ledger.note_taken(&self.queue.get().expect("an item can be had"));
    }
}

/// Uses a queue of its own, so that a first use is left out.
fn warm_up() {
    let queue = Queue::bounded_bytes(1).expect("memory for a queue");
    queue.put(Item::with_file(0)).expect("there is room");
    drop(queue.get_leased().expect("it is there"));
    queue.get().expect("it is there").verify();
}

/// An item behind a jump, and another.
fn jump() -> Stage {
    let stage = before_the_end();
    stage.put(of_some_units(0));
    stage.put(of_some_units(1));
    stage
}

fn with_files() -> Stage {
    let stage = empty();
    (0..2).for_each(|number| stage.put(Item::with_file(number)));
    stage
}

fn with_long() -> Stage {
    let stage = empty();
    (0..2).for_each(|number| stage.put(Item::long(number)));
    stage
}

/// Gives guests the time for their naps. A victim must not sleep before its operation.
fn wait_for_naps() {
    let begin = Instant::now();
    while begin.elapsed() < NAPPED {
        std::hint::spin_loop();
    }
}

fn take_one(s: &Stage) {
    s.take();
}

/// The check, for a victim that puts so many items and takes so many, and a second one of two dead
/// that takes so many.
fn settle<const PUTS: u32, const TAKES: u32, const AGAIN: u32>(
    s: &Stage,
    after: &After,
) -> Verdict {
    drain(&s.queue, &s.ledger)?;
    account::<PUTS, TAKES, AGAIN>(&s.ledger, after)?;
    works(s)
}

/// Takes what is there; the length was right, and the order of each producer.
fn drain(queue: &Queue<Item>, ledger: &Ledger) -> Verdict {
    let (len, mut last) = (queue.len(), [None; 4]);
    let mut count = 0;
    while let Some(item) = next(queue)? {
        ledger.note_taken(&item);
        let last = &mut last[(item.number / 8) as usize];
        if last.replace(item.number).is_some_and(|last| last >= item.number) {
            return Err(format!("{} out of order", item.number));
        }
        count += 1;
    }
    if count == len { Ok(()) } else { Err(format!("{count} items, and the length was {len}")) }
}

fn next(queue: &Queue<Item>) -> Result<Option<Item>, String> {
    match queue.try_get() {
        Ok(item) => Ok(Some(item)),
        Err(GetError::Empty | GetError::Disconnected) => Ok(None),
        Err(error) => Err(format!("no item: {error}")),
    }
}

/// Each operation works at once, and there is as much room and as many places as ever.
fn works(s: &Stage) -> Verdict {
    let queue = &s.queue;
    for item in [Item::long(FILLER), Item::with_file(FILLER), Item::new(FILLER)] {
        queue.try_put(item).map_err(|error| format!("cannot be put: {error}"))?;
        queue.try_get().map_err(|error| format!("cannot be taken: {error}"))?.verify();
    }
    let room = (0..=s.bound).take_while(|_| queue.try_put(Item::new(FILLER)).is_ok()).count();
    let refused = queue.try_put(Item::new(FILLER)).map_err(|error| error.kind);
    if room != s.bound as usize || !matches!(refused, Err(PutErrorKind::Full)) {
        return Err(format!("room for {room} of {}, then {refused:?}", s.bound));
    }
    if room > PLACES {
        has_all_places(queue)?;
    }
    let rest = queue.get_many(UNITS as usize).map_err(|error| error.to_string())?;
    while !queue.is_empty() {
        queue.try_get().map_err(|error| format!("cannot be taken: {error}"))?;
    }
    if rest.is_empty() { Err("nothing could be taken at once".to_owned()) } else { Ok(()) }
}

/// As many items as ever can be out, and not one more.
fn has_all_places(queue: &Queue<Item>) -> Verdict {
    let (all, done) = (std::sync::Barrier::new(THREADS + 1), std::sync::Barrier::new(THREADS + 1));
    std::thread::scope(|scope| {
        let hold = || {
            let held: Vec<_> =
                (0..PLACES / THREADS).map_while(|_| queue.try_get_ref().ok()).collect();
            all.wait();
            done.wait();
            held.len()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(hold)).collect();
        all.wait();
        let more = queue.try_get_ref().map(drop);
        done.wait();
        let held: usize = threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum();
        match more {
            Err(GetError::TooManyOut) if held == PLACES => Ok(()),
            more => Err(format!("{held} of {PLACES} places, then {more:?}")),
        }
    })
}
