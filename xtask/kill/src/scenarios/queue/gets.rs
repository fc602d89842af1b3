//! A consumer dies: at most what it had taken is gone with it, and others get on.

use super::{
    GUEST, Item, Stage, VICTIM, empty, full, jump, settle, take_one, three, wait_for_naps, warm_up,
    with_files, with_long,
};
use crate::marks::{hold, marked};
use crate::scenario::{Case, Scenario};

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = alone();
    cases.extend(with_producers());
    cases.extend(without_items());
    cases
}

fn new(name: &'static str, stage: fn() -> Stage, victim: fn(&Stage)) -> Scenario<Stage> {
    Scenario::new(name, stage, victim, settle::<0, 1, 0>)
}

fn alone() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(new("queue/get", three, get)),
        Box::new(new("queue/get-first-use", three, first_get)),
        Box::new(new("queue/get-jump", jump, get)),
        Box::new(new("queue/get-descriptors", with_files, get)),
        Box::new(new("queue/get-long", with_long, get)),
        Box::new(Scenario::new("queue/get-many", three, get_many, settle::<0, 3, 0>)),
        Box::new(new("queue/get-ref", three, get_ref)),
        Box::new(new("queue/get-ref-jump", jump, get_ref)),
        Box::new(new("queue/get-ref-drop", three, drop_ref)),
        Box::new(new("queue/get-ref-long", with_long, drop_ref)),
    ]
}

fn with_producers() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(new("queue/get+sleeper", full, get).sleeper(put_one).mourner(take_if_full)),
        Box::new(
            new("queue/get+sleepers", full, get)
                .sleeper(put_one)
                .sleeper(put_two)
                .mourner(take_as_long_as_full),
        ),
        Box::new(
            new("queue/get-ref-drop+sleeper", full, drop_ref)
                .sleeper(put_one)
                .mourner(take_if_full),
        ),
        // A producer that has been there for so long that its naps are over.
        Box::new(new("queue/get+bell", full, get_late).holder(put_one).mourner(take_if_full)),
        Box::new(new("queue/get+barger", three, get).barger(take_one)),
    ]
}

fn without_items() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(new("queue/get-empty", empty, get).holder(put_on_cue)),
        Box::new(
            new("queue/get-empty+follower", empty, get).holder(put_two_on_cue).follower(take_one),
        ),
        Box::new(
            new("queue/get-empty+followers", empty, get)
                .holder(put_two_on_cue)
                .follower(take_one)
                .barger(put_three),
        ),
        Box::new(Scenario::new("queue/try-get-empty", empty, try_get, settle::<0, 0, 0>)),
    ]
}

fn get(s: &Stage) {
    warm_up();
    first_get(s);
}

pub(super) fn first_get(s: &Stage) {
    let item = marked(|| s.queue.get());
    s.ledger.note_taken(&item.expect("it is there"));
}

fn get_late(s: &Stage) {
    wait_for_naps();
    get(s);
}

fn get_many(s: &Stage) {
    warm_up();
    let items = marked(|| s.queue.get_many(3));
    assert_eq!(items.expect("they are there").len(), 3);
}

fn get_ref(s: &Stage) {
    warm_up();
    let item = marked(|| s.queue.get_ref());
    assert!(!item.expect("it is there").is_empty());
}

fn drop_ref(s: &Stage) {
    warm_up();
    let item = s.queue.get_ref().expect("it is there");
    marked(|| drop(item));
}

fn try_get(s: &Stage) {
    warm_up();
    assert!(marked(|| s.queue.try_get()).is_err_and(|error| error.is_empty()));
}

fn put_one(s: &Stage) {
    s.put(Item::new(GUEST));
}

/// Another producer, so in no order with the first.
fn put_two(s: &Stage) {
    s.put(Item::new(VICTIM));
}

fn put_three(s: &Stage) {
    s.put(Item::new(GUEST + 2));
}

/// If the victim did not make room, somebody else does.
fn take_if_full(s: &Stage) {
    if s.queue.is_full() && !s.ledger.is_put(GUEST) {
        s.take();
    }
}

fn take_as_long_as_full(s: &Stage) {
    while !(s.ledger.is_put(GUEST) && s.ledger.is_put(VICTIM)) {
        if s.queue.is_full() {
            s.take();
        }
        std::thread::yield_now();
    }
}

fn put_on_cue(s: &Stage) {
    hold();
    s.put(Item::new(0));
}

fn put_two_on_cue(s: &Stage) {
    hold();
    s.put(Item::new(0));
    s.put(Item::new(1));
}
