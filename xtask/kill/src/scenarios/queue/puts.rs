//! A producer dies: its item is there as a whole or not at all, and others get on.

use queues::Queue;

use super::{
    GUEST, Item, Ledger, Stage, VICTIM, before_the_end, empty, full, of_some_units, settle,
    take_one, wait_for_naps, warm_up,
};
use crate::marks::{hold, marked};
use crate::scenario::{Case, Scenario};

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = alone();
    cases.extend(with_consumers());
    cases.extend(without_room());
    cases
}

fn new(name: &'static str, stage: fn() -> Stage, victim: fn(&Stage)) -> Scenario<Stage> {
    Scenario::new(name, stage, victim, settle::<1, 0, 0>)
}

fn alone() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(new("queue/put", empty, put)),
        Box::new(new("queue/put-first-use", empty, first_put)),
        Box::new(new("queue/put-jump", before_the_end, put_some_units)),
        Box::new(new("queue/put-grow", grown, put_some_units)),
        Box::new(new("queue/put-descriptors", with_files, put_with_file)),
        Box::new(new("queue/put-long", empty, put_long)),
        Box::new(Scenario::new("queue/put-many", empty, put_many, settle::<4, 0, 0>)),
        Box::new(new("queue/reserve", empty, reserve)),
    ]
}

fn with_consumers() -> Vec<Box<dyn Case>> {
    let many = |name| Scenario::new(name, empty, put_many, settle::<4, 0, 0>);
    vec![
        Box::new(new("queue/put+sleeper", empty, put).sleeper(take_one).mourner(put_if_none)),
        Box::new(
            many("queue/put-many+sleepers")
                .sleeper(take_one)
                .sleeper(take_one)
                .mourner(put_two_if_none),
        ),
        Box::new(
            new("queue/put+barger", empty, put)
                .sleeper(take_one)
                .barger(put_one)
                .mourner(put_if_none),
        ),
        // A consumer that has been there for so long that it sleeps at the bell.
        Box::new(new("queue/put+bell", empty, put_late).holder(take_one).mourner(put_if_none)),
    ]
}

fn without_room() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(new("queue/put-full", full, put).holder(take_on_cue)),
        Box::new(
            new("queue/put-full+follower", full, put).holder(take_two_on_cue).follower(put_one),
        ),
        Box::new(Scenario::new("queue/try-put-full", full, try_put, settle::<0, 0, 0>)),
    ]
}

/// The first part of the ring is in use, so that the next item asks for memory.
fn grown() -> Stage {
    let queue = Queue::bounded(300).expect("memory for a queue");
    let stage = Stage { queue, ledger: Ledger::new(), bound: 300 };
    stage.put(Item { load: vec![0; 32_700], ..Item::new(0) });
    stage
}

/// Another item with a descriptor comes before.
fn with_files() -> Stage {
    let stage = empty();
    stage.put(Item::with_file(0));
    stage
}

fn put(s: &Stage) {
    warm_up();
    first_put(s);
}

fn first_put(s: &Stage) {
    put_marked(s, Item::new(VICTIM));
}

pub(super) fn put_marked(s: &Stage, item: Item) {
    let number = item.number;
    marked(|| s.queue.put(item)).expect("it can be put");
    s.ledger.note_put(number);
}

fn put_some_units(s: &Stage) {
    warm_up();
    put_marked(s, of_some_units(VICTIM));
}

fn put_with_file(s: &Stage) {
    warm_up();
    put_marked(s, Item::with_file(VICTIM));
}

fn put_long(s: &Stage) {
    warm_up();
    put_marked(s, Item::long(VICTIM));
}

fn put_late(s: &Stage) {
    wait_for_naps();
    put(s);
}

fn put_many(s: &Stage) {
    warm_up();
    let items: Vec<Item> = (VICTIM..VICTIM + 4).map(Item::new).collect();
    let items = items.into_iter();
    marked(|| s.queue.put_many(items)).expect("they can be put");
}

/// Writes the encoding of an item: its number, no bytes, no file.
fn reserve(s: &Stage) {
    warm_up();
    marked(|| {
        let mut room = s.queue.reserve(3).expect("there is room");
        room.copy_from_slice(&[VICTIM as u8, 0, 0]);
        room.commit();
    });
}

fn try_put(s: &Stage) {
    warm_up();
    let refused = marked(|| s.queue.try_put(Item::new(VICTIM)));
    assert!(refused.is_err_and(|error| error.is_full()));
}

fn put_one(s: &Stage) {
    s.put(Item::new(GUEST));
}

/// If the victim did not put anything, somebody else does.
fn put_if_none(s: &Stage) {
    if s.queue.is_empty() && s.ledger.taken() == 0 {
        s.put(Item::new(GUEST + 1));
    }
}

fn put_two_if_none(s: &Stage) {
    if s.queue.is_empty() && s.ledger.taken() == 0 {
        s.put(Item::new(GUEST + 1));
        s.put(Item::new(GUEST + 2));
    }
}

fn take_on_cue(s: &Stage) {
    hold();
    s.take();
}

fn take_two_on_cue(s: &Stage) {
    hold();
    s.take();
    s.take();
}
