//! Somebody waits for what the victim is about to do, or the victim waits.

use std::thread;
use std::time::{Duration, Instant};

use super::{GUEST, Item, Stage, empty, full, get, put, settle, three};
use crate::marks::hold;
use crate::scenario::{Case, Scenario};

/// So long that a consumer's naps are over and it sleeps at the bell.
const NAPPED: Duration = Duration::from_millis(70);

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let put = |name, stage, victim| Scenario::new(name, stage, victim, settle::<1, 0, 0>);
    let get = |name, stage, victim| Scenario::new(name, stage, victim, settle::<0, 1, 0>);
    vec![
        Box::new(put("priority/put+sleeper", empty, self::put).sleeper(take).mourner(put_if_none)),
        Box::new(put("priority/put+bell", empty, put_late).holder(take).mourner(put_if_none)),
        // A consumer that waits for the lock, and then for an item.
        Box::new(
            put("priority/put-empty+taker", empty, self::put).barger(take).mourner(put_if_none),
        ),
        Box::new(put("priority/put+barger", three, self::put).barger(put_one)),
        Box::new(put("priority/put+taker", three, self::put).barger(take)),
        Box::new(put("priority/put-full", full, self::put).holder(take_on_cue)),
        Box::new(
            get("priority/get+sleeper", full, self::get).sleeper(put_one).mourner(take_if_full),
        ),
        Box::new(get("priority/get+barger", three, self::get).barger(take)),
        Box::new(get("priority/get+putter", three, self::get).barger(put_one)),
        Box::new(get("priority/get-empty", empty, self::get).holder(put_on_cue)),
        Box::new(
            get("priority/get-empty+follower", empty, self::get)
                .holder(put_two_on_cue)
                .follower(take),
        ),
    ]
}

fn take(s: &Stage) {
    s.take();
}

fn put_one(s: &Stage) {
    s.put(Item::new(GUEST));
}

/// Gives guests the time for their naps. A victim must not sleep before its operation.
fn put_late(s: &Stage) {
    let begin = Instant::now();
    while begin.elapsed() < NAPPED {
        std::hint::spin_loop();
    }
    put(s);
}

/// If the victim did not put anything, somebody else does. Looking at the queue puts right what it
/// left, so it comes after those who do that by themselves.
fn put_if_none(s: &Stage) {
    thread::sleep(NAPPED);
    if s.queue.is_empty() && s.ledger.taken() == 0 {
        s.put(Item::new(GUEST));
    }
}

/// If the victim did not make room, somebody else does.
fn take_if_full(s: &Stage) {
    thread::sleep(NAPPED);
    if s.queue.is_full() && !s.ledger.is_put(GUEST) {
        s.take();
    }
}

fn take_on_cue(s: &Stage) {
    hold();
    s.take();
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
