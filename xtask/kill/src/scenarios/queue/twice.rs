//! Two at once: two deaths in a row, and two producers and consumers side by side.

use super::{GUEST, Item, Stage, VICTIM, jump, settle, three, warm_up};
use super::{gets, leases, puts};
use crate::marks::marked;
use crate::scenario::{Case, Scenario};

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = deaths();
    cases.extend(pairs());
    cases
}

fn deaths() -> Vec<Box<dyn Case>> {
    let put = |name| Scenario::new(name, three, put, settle::<1, 0, 1>);
    let get = |name| Scenario::new(name, three, get, settle::<0, 1, 1>);
    let lease = |name| Scenario::new(name, three, lease, settle::<0, 0, 1>);
    vec![
        Box::new(put("queue/put-put-double").recovery(put_second)),
        Box::new(put("queue/put-get-double").recovery(self::get)),
        Box::new(get("queue/get-get-double").recovery(self::get)),
        Box::new(get("queue/get-put-double").recovery(put_second)),
        Box::new(lease("queue/lease-get-double").recovery(self::get)),
        Box::new(lease("queue/lease-lease-double").recovery(self::lease)),
        Box::new(lease("queue/lease-acknowledge-double").recovery(acknowledge)),
        Box::new(get("queue/get-lease-double").recovery(self::lease)),
        Box::new(
            Scenario::new("queue/lease-jump-double", jump, self::lease, settle::<0, 0, 0>)
                .recovery(self::lease),
        ),
        Box::new(
            Scenario::new("queue/get-ref-double", three, get_ref, settle::<0, 1, 1>)
                .recovery(get_ref),
        ),
    ]
}

fn pairs() -> Vec<Box<dyn Case>> {
    let put = |name| Scenario::new(name, three, put, settle::<1, 0, 0>);
    let get = |name| Scenario::new(name, three, get, settle::<0, 1, 0>);
    let lease = |name| Scenario::new(name, three, lease, settle::<0, 0, 0>);
    vec![
        Box::new(put("queue/put-put-pairs").rival(put_second)),
        Box::new(put("queue/put-get-pairs").rival(self::get)),
        Box::new(get("queue/get-get-pairs").rival(self::get)),
        Box::new(get("queue/get-put-pairs").rival(put_second)),
        Box::new(lease("queue/lease-get-pairs").rival(self::get)),
        Box::new(get("queue/get-lease-pairs").rival(self::lease)),
        Box::new(lease("queue/lease-lease-pairs").rival(self::lease)),
        Box::new(
            Scenario::new("queue/acknowledge-get-pairs", three, acknowledge, settle::<0, 1, 0>)
                .rival(self::get),
        ),
    ]
}

fn put(s: &Stage) {
    warm_up();
    puts::put_marked(s, Item::new(VICTIM));
}

fn put_second(s: &Stage) {
    warm_up();
    puts::put_marked(s, Item::new(GUEST));
}

fn get(s: &Stage) {
    warm_up();
    gets::first_get(s);
}

fn lease(s: &Stage) {
    warm_up();
    leases::first_lease(s);
}

fn get_ref(s: &Stage) {
    warm_up();
    let item = marked(|| s.queue.get_ref()).expect("it is there");
    s.ledger.note_taken(&item.decode().expect("an item"));
}

fn acknowledge(s: &Stage) {
    warm_up();
    let lease = s.queue.get_leased().expect("it is there");
    let item = marked(|| lease.acknowledge());
    s.ledger.note_taken(&item);
}
