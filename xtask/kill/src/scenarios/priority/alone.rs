//! One operation, and nobody else there.

use super::{
    GUEST, Item, Stage, VICTIM, empty, get, get_marked, put, put_marked, settle, three, warm_up,
};
use crate::marks::marked;
use crate::scenario::{Case, Scenario};

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let put = |name, stage, victim| Scenario::new(name, stage, victim, settle::<1, 0, 0>);
    let get = |name, stage, victim| Scenario::new(name, stage, victim, settle::<0, 1, 0>);
    vec![
        Box::new(put("priority/put", three, self::put)),
        Box::new(put("priority/put-empty", empty, self::put)),
        Box::new(put("priority/put-first-use", empty, first_put)),
        Box::new(put("priority/put-chain", three, put_chain)),
        Box::new(put("priority/put-grow", grown, put_chain)),
        Box::new(put("priority/put-descriptors", with_files, put_with_file)),
        Box::new(Scenario::new("priority/put-many", three, put_many, settle::<4, 0, 0>)),
        Box::new(get("priority/get", three, self::get)),
        Box::new(get("priority/get-last", one, self::get)),
        Box::new(get("priority/get-first-use", three, get_marked)),
        Box::new(get("priority/get-chain", chains, self::get)),
        Box::new(get("priority/get-shrink", large, self::get)),
        Box::new(get("priority/get-descriptors", with_files, self::get)),
        Box::new(Scenario::new("priority/get-many", three, get_many, settle::<0, 3, 0>)),
    ]
}

fn one() -> Stage {
    let stage = empty();
    stage.put(Item::new(0));
    stage
}

fn chains() -> Stage {
    let stage = empty();
    (0..3).for_each(|number| stage.put(Item::loaded(number, 500)));
    stage
}

/// All memory that it has from the start is in use, but for a chunk or two.
fn grown() -> Stage {
    let stage = empty();
    stage.put(Item::loaded(0, 253 * 112));
    stage
}

/// More than a drained queue keeps.
fn large() -> Stage {
    let stage = empty();
    stage.queue.put(-1, Item::loaded(0, 6 << 20)).expect("there is memory");
    stage.put(Item::new(0));
    stage.queue.get().expect("it is there");
    stage
}

/// Two items with descriptors, of which the second is taken first.
fn with_files() -> Stage {
    let stage = empty();
    [4, 3].into_iter().for_each(|number| stage.put(Item::with_file(number)));
    assert!(Item::new(3).priority() < Item::new(4).priority());
    stage
}

fn first_put(s: &Stage) {
    put_marked(s, Item::new(VICTIM));
}

/// Some of its chunks are in the list of free ones, some are not.
fn put_chain(s: &Stage) {
    warm_up();
    put_marked(s, Item::loaded(VICTIM, 900));
}

fn put_with_file(s: &Stage) {
    warm_up();
    put_marked(s, Item::with_file(VICTIM));
}

fn put_many(s: &Stage) {
    warm_up();
    let items: Vec<_> = (VICTIM..VICTIM + 4).map(Item::new).collect();
    let items = items.into_iter().map(|item| (item.priority(), item));
    marked(|| s.queue.put_many(items)).expect("they can be put");
    const { assert!(VICTIM + 4 <= GUEST) };
}

fn get_many(s: &Stage) {
    warm_up();
    let items = marked(|| s.queue.get_many(3));
    assert_eq!(items.expect("they are there").len(), 3);
}
