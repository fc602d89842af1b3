//! A consumer dies with a lease: the item comes back, exactly once, unless it was acknowledged.

use queues::GetError;

use super::{
    Item, Stage, account, drain, empty, jump, settle, take_one, three, warm_up, with_files,
    with_long, works,
};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = leases();
    cases.extend(ends_of_leases());
    cases.extend(returned());
    cases
}

fn leases() -> Vec<Box<dyn Case>> {
    let new = |name, stage, victim| Scenario::new(name, stage, victim, comes_back);
    vec![
        Box::new(new("queue/lease", three, lease)),
        Box::new(new("queue/lease-first-use", three, first_lease)),
        Box::new(new("queue/lease-jump", jump, lease)),
        Box::new(new("queue/lease-descriptors", with_files, lease)),
        Box::new(new("queue/lease-long", with_long, lease)),
        Box::new(new("queue/lease-empty", empty, lease).holder(put_on_cue)),
        Box::new(
            Scenario::new("queue/lease+barger", one, lease, settle::<0, 0, 0>).barger(take_one),
        ),
        Box::new(
            Scenario::new("queue/lease-empty+follower", empty, lease, settle::<0, 0, 0>)
                .holder(put_on_cue)
                .follower(take_one),
        ),
        // A closed queue does not end while an item may come back.
        Box::new(
            Scenario::new("queue/lease-closed+barger", closed, lease, ends::<0>)
                .barger(take_to_the_end),
        ),
    ]
}

fn ends_of_leases() -> Vec<Box<dyn Case>> {
    let done = |name, stage, victim| Scenario::new(name, stage, victim, settle::<0, 1, 0>);
    let back = |name, stage, victim| Scenario::new(name, stage, victim, comes_back);
    vec![
        Box::new(done("queue/acknowledge", three, acknowledge)),
        Box::new(done("queue/acknowledge-descriptors", with_files, acknowledge)),
        Box::new(done("queue/acknowledge-long", with_long, acknowledge)),
        Box::new(
            Scenario::new("queue/acknowledge+sleeper", closed, acknowledge, ends::<1>)
                .sleeper(take_to_the_end),
        ),
        Box::new(
            Scenario::new("queue/acknowledge+bell", closed, acknowledge_late, ends::<1>)
                .holder(wait_for_the_cue)
                .sleeper(take_to_the_end),
        ),
        Box::new(back("queue/give-back", three, give_back)),
        Box::new(back("queue/give-back-descriptors", with_files, give_back)),
        Box::new(
            Scenario::new("queue/give-back+sleeper", one, give_back, settle::<0, 0, 0>)
                .sleeper(take_one),
        ),
        Box::new(
            Scenario::new("queue/give-back+bell", one, give_back_late, settle::<0, 0, 0>)
                .holder(wait_for_the_cue)
                .sleeper(take_one),
        ),
    ]
}

fn returned() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(Scenario::new("queue/get-returned", came_back, get, settle::<0, 1, 0>)),
        Box::new(Scenario::new("queue/get-ref-returned", came_back, get_ref, settle::<0, 1, 0>)),
        Box::new(Scenario::new("queue/lease-returned", came_back, lease, settle::<0, 0, 0>)),
        Box::new(
            Scenario::new("queue/get-returned+barger", came_back, get, settle::<0, 1, 0>)
                .barger(take_one),
        ),
    ]
}

fn one() -> Stage {
    let stage = empty();
    stage.put(Item::new(0));
    stage
}

fn closed() -> Stage {
    let stage = one();
    stage.queue.close();
    stage
}

/// Items with descriptors of which the first was leased and given back.
fn came_back() -> Stage {
    let stage = with_files();
    let lease = stage.queue.get_leased().expect("it is there");
    stage.take();
    drop(lease);
    stage.put(Item::with_file(2));
    stage
}

fn lease(s: &Stage) {
    warm_up();
    first_lease(s);
}

pub(super) fn first_lease(s: &Stage) {
    let lease = marked(|| s.queue.get_leased());
    drop(lease.expect("it is there"));
}

fn acknowledge(s: &Stage) {
    warm_up();
    let lease = s.queue.get_leased().expect("it is there");
    let item = marked(|| lease.acknowledge());
    s.ledger.note_taken(&item);
}

fn acknowledge_late(s: &Stage) {
    warm_up();
    let lease = s.queue.get_leased().expect("it is there");
    marked(|| {
        std::thread::sleep(super::NAPPED);
        lease.acknowledge();
    });
}

fn give_back(s: &Stage) {
    warm_up();
    let lease = s.queue.get_leased().expect("it is there");
    marked(|| drop(lease));
}

/// The sleeper comes when this one is prepared; it sleeps longer than its naps by then.
fn give_back_late(s: &Stage) {
    warm_up();
    let lease = s.queue.get_leased().expect("it is there");
    marked(|| {
        std::thread::sleep(super::NAPPED);
        drop(lease);
    });
}

fn get(s: &Stage) {
    warm_up();
    super::gets::first_get(s);
}

fn get_ref(s: &Stage) {
    warm_up();
    drop(marked(|| s.queue.get_ref()).expect("it is there"));
}

/// Is there so that a victim that sleeps for its own sake is not left there.
fn wait_for_the_cue(_: &Stage) {
    hold();
}

fn put_on_cue(s: &Stage) {
    hold();
    s.put(Item::new(0));
}

fn take_to_the_end(s: &Stage) {
    loop {
        match s.queue.get() {
            Ok(item) => s.ledger.note_taken(&item),
            Err(GetError::Disconnected) => return,
            Err(error) => panic!("no item: {error}"),
        }
    }
}

/// The items of a closed queue have all been taken, but for those that the dead took.
fn ends<const TAKES: u32>(s: &Stage, after: &After) -> Verdict {
    drain(&s.queue, &s.ledger)?;
    account::<0, TAKES, 0>(&s.ledger, after)
}

/// The item is there, and says how often it was given out; nothing is lost.
fn comes_back(s: &Stage, after: &After) -> Verdict {
    let lease = s.queue.try_get_leased().map_err(|error| format!("nothing to lease: {error}"))?;
    let deliveries = lease.deliveries();
    if lease.number != 0 || deliveries > 2 || after.finished && deliveries != 2 {
        return Err(format!("item {}, for the {deliveries}. time", lease.number));
    }
    s.ledger.note_taken(&lease.acknowledge());
    drain(&s.queue, &s.ledger)?;
    account::<0, 0, 0>(&s.ledger, after)?;
    works(s)
}
