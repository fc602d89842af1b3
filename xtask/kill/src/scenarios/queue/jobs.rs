//! Joinable queues: who joins is told of the dead or of the end, and is never left waiting.

use std::sync::atomic::Ordering::{Acquire, Release};

use ipc_shm::Shared;
use queues::{JoinError, JoinableQueue};

use super::{FILLER, Item, Ledger, NAPPED, RING, of_some_units, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

struct Jobs {
    queue: JoinableQueue<Item>,
    ledger: Shared<Ledger>,
}

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = takers();
    cases.extend(joined());
    cases
}

fn takers() -> Vec<Box<dyn Case>> {
    // With so many items that the victim takes, and has done.
    let new = |name, stage, victim| Scenario::new(name, stage, victim, adds_up::<1, 0, 0>);
    vec![
        Box::new(new("jobs/get", two, get)),
        Box::new(new("jobs/get-first-use", two, first_get)),
        Box::new(Scenario::new("jobs/get-second", two, get_second, adds_up::<2, 0, 0>)),
        Box::new(new("jobs/get-jump", jump, get)),
        Box::new(new("jobs/get-long", long, get)),
        Box::new(Scenario::new("jobs/get-many", two, get_many, adds_up::<2, 0, 0>)),
        Box::new(Scenario::new("jobs/get-returned", came_back, get, adds_up::<1, 0, 1>)),
        Box::new(Scenario::new("jobs/lease", two, lease, adds_up::<0, 0, 0>)),
        Box::new(Scenario::new("jobs/acknowledge", two, acknowledge, adds_up::<1, 1, 0>)),
        Box::new(Scenario::new("jobs/task-done", two, task_done, adds_up::<1, 1, 0>)),
        Box::new(Scenario::new("jobs/task-done-of-two", two, done_of_two, adds_up::<2, 1, 0>)),
        Box::new(Scenario::new("jobs/double", two, get, adds_up::<2, 0, 0>).recovery(get)),
        Box::new(
            Scenario::new("jobs/done-double", two, task_done, adds_up::<2, 1, 0>).recovery(get),
        ),
        Box::new(new("jobs/pairs", two, get).rival(get)),
        Box::new(Scenario::new("jobs/done-pairs", two, task_done, adds_up::<1, 1, 0>).rival(get)),
    ]
}

fn joined() -> Vec<Box<dyn Case>> {
    let get = |name, victim| Scenario::new(name, one, victim, adds_up::<1, 0, 0>);
    let done = |name, victim| Scenario::new(name, one, victim, adds_up::<1, 1, 0>);
    vec![
        Box::new(get("jobs/get+joiner", self::get).sleeper(join).mourner(work)),
        Box::new(get("jobs/get+joiners", self::get).sleeper(join).sleeper(join).mourner(work)),
        Box::new(done("jobs/task-done+joiner", task_done).sleeper(join)),
        Box::new(done("jobs/acknowledge+joiner", acknowledge).sleeper(join).mourner(work)),
        Box::new(
            done("jobs/acknowledge+bell", acknowledge_late)
                .holder(wait_for_the_cue)
                .sleeper(join)
                .mourner(work),
        ),
        Box::new(done("jobs/others-task-done+joiner", done_for_other).holder(owe).sleeper(join)),
        Box::new(
            Scenario::new("jobs/shutdown+joiner", one, shut_down, is_over)
                .sleeper(join)
                .mourner(work),
        ),
    ]
}

fn empty() -> Jobs {
    let queue = JoinableQueue::bounded_bytes(RING).expect("memory for a queue");
    Jobs { queue, ledger: Ledger::new() }
}

fn one() -> Jobs {
    let jobs = empty();
    jobs.put(Item::new(0));
    jobs
}

fn two() -> Jobs {
    let jobs = one();
    jobs.put(Item::new(1));
    jobs
}

fn jump() -> Jobs {
    let jobs = empty();
    for _ in 0..3 {
        jobs.queue.put_bytes(&[0; RING / 4 - 8]).expect("there is room");
    }
    jobs.queue.put_bytes(&[0; RING / 4 - 64 - 8]).expect("there is room");
    for _ in 0..4 {
        let item = jobs.queue.get_ref();
        drop(item);
        jobs.queue.task_done().expect("it was taken");
    }
    (0..2).for_each(|number| jobs.put(of_some_units(number)));
    jobs
}

fn long() -> Jobs {
    let jobs = empty();
    jobs.put(Item::long(0));
    jobs
}

fn came_back() -> Jobs {
    let jobs = two();
    drop(jobs.queue.get_leased().expect("it is there"));
    jobs
}

impl Jobs {
    fn put(&self, item: Item) {
        let number = item.number;
        self.queue.put(item).expect("there is room");
        self.ledger.note_put(number);
    }

    fn take(&self) -> Item {
        self.queue.get().expect("it is there")
    }
}

fn get(s: &Jobs) {
    warm_up();
    first_get(s);
}

/// Who gets to the end of it does the work, too.
fn first_get(s: &Jobs) {
    let item = marked(|| s.queue.get()).expect("it is there");
    s.ledger.note_taken(&item);
    s.queue.task_done().expect("it was taken");
}

/// Owes an item already.
fn get_second(s: &Jobs) {
    warm_up();
    s.take();
    marked(|| s.queue.get()).expect("it is there");
}

fn get_many(s: &Jobs) {
    warm_up();
    marked(|| s.queue.get_many(2)).expect("they are there");
}

fn lease(s: &Jobs) {
    warm_up();
    drop(marked(|| s.queue.get_leased()).expect("it is there"));
}

fn acknowledge(s: &Jobs) {
    warm_up();
    let lease = s.queue.get_leased().expect("it is there");
    marked(|| lease.acknowledge());
}

fn acknowledge_late(s: &Jobs) {
    warm_up();
    let lease = s.queue.get_leased().expect("it is there");
    marked(|| {
        std::thread::sleep(NAPPED);
        lease.acknowledge();
    });
}

fn wait_for_the_cue(_: &Jobs) {
    hold();
}

fn task_done(s: &Jobs) {
    warm_up();
    s.take();
    marked(|| s.queue.task_done()).expect("it was taken");
}

fn done_of_two(s: &Jobs) {
    warm_up();
    s.take();
    s.take();
    marked(|| s.queue.task_done()).expect("they were taken");
}

/// The item was taken by another process, which lives.
fn done_for_other(s: &Jobs) {
    warm_up();
    marked(|| s.queue.task_done()).expect("it was taken");
}

/// Takes the item, and lives until all is done. If the victim did not say so, this one does.
fn owe(s: &Jobs) {
    s.take();
    hold();
    if s.queue.unfinished() > 0 {
        s.queue.task_done().expect("it was taken");
    }
    while s.ledger.joined.load(Acquire) == 0 {
        std::thread::yield_now();
    }
}

fn shut_down(s: &Jobs) {
    warm_up();
    marked(|| s.queue.shutdown()).expect("nobody holds it up");
}

/// Joins until all is done, whoever has died.
fn join(s: &Jobs) {
    while let Err(error) = s.queue.join() {
        note_report(s, error).expect("a death");
    }
    s.ledger.joined.store(1, Release);
}

fn note_report(s: &Jobs, error: JoinError) -> Verdict {
    match error {
        JoinError::ConsumerDied { items, .. } => {
            s.ledger.reported.fetch_add(items, Release);
            Ok(())
        }
        error => Err(format!("cannot join: {error}")),
    }
}

/// Does what the victim has not taken.
fn work(s: &Jobs) {
    while let Ok(item) = s.queue.try_get() {
        s.ledger.note_taken(&item);
        s.queue.task_done().expect("it was taken");
    }
}

/// Each item was done by the living, was said to be done by the dead, or is reported as lost. With
/// `TWICE`, so many that came back may be reported as well.
fn adds_up<const TAKES: u32, const DONE: u32, const TWICE: u32>(
    s: &Jobs,
    after: &After,
) -> Verdict {
    let unfinished = s.queue.unfinished();
    work(s);
    while let Err(error) = s.queue.join() {
        note_report(s, error)?;
    }
    let all = (0..FILLER).filter(|number| s.ledger.is_put(*number)).count() as u32;
    let reported = s.ledger.reported.load(Acquire);
    let gone = all.checked_sub(s.ledger.taken()).ok_or("an item was done twice")?;
    let most = TAKES + u32::from(after.deaths == 2);
    let said = gone.checked_sub(reported.saturating_sub(TWICE));
    let ended = after.finished && after.deaths == 1;
    let exactly = |number: u32, most: u32| number <= most && (!ended || number == most);
    if !exactly(gone, most) || said.is_none_or(|said| said > DONE + TWICE) {
        return Err(format!("{gone} of {all} not done, {reported} reported, {unfinished} before"));
    }
    match (s.queue.unfinished(), s.queue.task_done()) {
        (0, Err(_)) => Ok(()),
        (left, done) => Err(format!("joined with {left} to be done, then {done:?}")),
    }
}

fn is_over(s: &Jobs, _: &After) -> Verdict {
    s.queue.shutdown().map_err(|error| error.to_string())?;
    s.queue.try_join().map_err(|error| error.to_string())
}
