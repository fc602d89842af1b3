//! The end of a queue: closed, shut down, or the last handle of a side is gone.

use queues::{GetError, PutErrorKind, Queue, Receiver, Sender};

use super::{
    GUEST, Item, Ledger, Stage, account, drain, empty, full, three, wait_for_naps, warm_up,
};
use crate::marks::marked;
use crate::scenario::{After, Case, Scenario, Verdict};

/// A queue of whose one side the victim has the only handle, which it finds in another queue.
struct Halves<M, O> {
    mine: Queue<M>,
    others: O,
    ledger: ipc_shm::Shared<Ledger>,
}

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = closed();
    cases.extend(dropped());
    cases
}

fn closed() -> Vec<Box<dyn Case>> {
    let new = |name, stage, victim| Scenario::new(name, stage, victim, is_closed);
    vec![
        Box::new(new("queue/close", three, close)),
        Box::new(new("queue/close+sleeper", empty, close).sleeper(take_all).mourner(close_too)),
        Box::new(
            new("queue/close+sleepers", empty, close)
                .sleeper(take_all)
                .sleeper(take_all)
                .mourner(close_too),
        ),
        Box::new(new("queue/close+bell", empty, close_late).holder(take_all).mourner(close_too)),
        Box::new(new("queue/close+producer", full, close).sleeper(put_if_open).mourner(close_too)),
        Box::new(new("queue/close+barger", three, close).barger(put_if_open)),
        Box::new(Scenario::new("queue/shutdown", three, shut_down, is_shut_down)),
        Box::new(
            Scenario::new("queue/shutdown+producer", full, shut_down, is_shut_down)
                .sleeper(put_if_open)
                .mourner(close_too),
        ),
        Box::new(
            Scenario::new("queue/shutdown+bell", empty, shut_down_late, is_shut_down)
                .holder(take_all)
                .mourner(close_too),
        ),
        Box::new(new("queue/close-double", three, close).recovery(close)),
        Box::new(
            Scenario::new("queue/close-put-pairs", three, close, settles_closed).rival(put_if_open),
        ),
        Box::new(new("queue/close-get-pairs", three, close).rival(take_all_there)),
    ]
}

fn dropped() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(Scenario::new("queue/drop-sender", last_sender, drop_mine, ends)),
        Box::new(
            Scenario::new("queue/drop-sender+sleeper", last_sender, drop_mine, ends)
                .sleeper(take_to_the_end),
        ),
        Box::new(
            Scenario::new("queue/drop-sender+bell", last_sender, drop_mine_late, ends)
                .holder(take_to_the_end),
        ),
        Box::new(Scenario::new("queue/drop-receiver", last_receiver, drop_mine, refuses)),
        Box::new(
            Scenario::new("queue/drop-receiver+sleeper", last_receiver, drop_mine, refuses)
                .sleeper(put_in_vain),
        ),
    ]
}

fn close(s: &Stage) {
    warm_up();
    marked(|| s.queue.close());
}

fn close_late(s: &Stage) {
    wait_for_naps();
    close(s);
}

fn shut_down(s: &Stage) {
    warm_up();
    marked(|| s.queue.shutdown()).expect("nobody holds it up");
}

fn shut_down_late(s: &Stage) {
    wait_for_naps();
    shut_down(s);
}

/// If the victim did not, somebody else does; but who was to be woken by the victim is not helped.
fn close_too(s: &Stage) {
    if !s.queue.is_closed() {
        s.queue.close();
    }
}

fn take_all(s: &Stage) {
    loop {
        match s.queue.get() {
            Ok(item) => s.ledger.note_taken(&item),
            Err(GetError::Disconnected) => return,
            Err(error) => panic!("no item: {error}"),
        }
    }
}

fn take_all_there(s: &Stage) {
    warm_up();
    marked(|| {
        while let Ok(item) = s.queue.try_get() {
            s.ledger.note_taken(&item);
        }
    });
}

fn put_if_open(s: &Stage) {
    warm_up();
    match marked(|| s.queue.put(Item::new(GUEST))) {
        Ok(()) => s.ledger.note_put(GUEST),
        Err(error) => assert!(matches!(error.kind, PutErrorKind::Closed), "{error}"),
    }
}

/// What was there can be had, then comes the end, and nothing can be put.
fn is_closed(s: &Stage, after: &After) -> Verdict {
    if after.finished && !s.queue.is_closed() {
        return Err("closed, and open again".to_owned());
    }
    settles_closed(s, after)
}

fn settles_closed(s: &Stage, after: &After) -> Verdict {
    s.queue.close();
    drain(&s.queue, &s.ledger)?;
    account::<0, 0, 0>(&s.ledger, after)?;
    stays_closed(s)
}

fn stays_closed(s: &Stage) -> Verdict {
    match (s.queue.get(), s.queue.put(Item::new(GUEST)).map_err(|error| error.kind)) {
        (Err(GetError::Disconnected), Err(PutErrorKind::Closed)) => Ok(()),
        other => Err(format!("closed, and then {other:?}")),
    }
}

/// Nothing is left, unless the victim died before it threw that away.
fn is_shut_down(s: &Stage, after: &After) -> Verdict {
    if after.finished && !(s.queue.is_closed() && s.queue.is_empty()) {
        return Err("shut down, and not empty".to_owned());
    }
    s.queue.shutdown().map_err(|error| error.to_string())?;
    stays_closed(s)
}

fn last_sender() -> Halves<Sender<Item>, Receiver<Item>> {
    let (sender, others) = three().queue.split();
    let (mine, ledger) = (carrier(sender), Ledger::new());
    (0..3).for_each(|number| ledger.note_put(number));
    Halves { mine, others, ledger }
}

fn last_receiver() -> Halves<Receiver<Item>, Sender<Item>> {
    let (others, receiver) = full().queue.split();
    Halves { mine: carrier(receiver), others, ledger: Ledger::new() }
}

fn carrier<M: serde::Serialize>(half: M) -> Queue<M> {
    let queue = Queue::bounded_bytes(1).expect("memory for a queue");
    queue.put(half).expect("there is room");
    queue
}

fn drop_mine<M: serde::de::DeserializeOwned, O>(s: &Halves<M, O>) {
    warm_up();
    let mine = s.mine.get().expect("it is there");
    marked(|| drop(mine));
}

fn drop_mine_late(s: &Halves<Sender<Item>, Receiver<Item>>) {
    wait_for_naps();
    drop_mine(s);
}

fn take_to_the_end(s: &Halves<Sender<Item>, Receiver<Item>>) {
    s.others.iter().for_each(|item| s.ledger.note_taken(&item.expect("an item")));
}

fn put_in_vain(s: &Halves<Receiver<Item>, Sender<Item>>) {
    let refused = s.others.put(Item::new(GUEST)).map_err(|error| error.kind);
    assert!(matches!(refused, Err(PutErrorKind::Disconnected)), "{refused:?}");
}

/// The items are there, and the end behind them.
fn ends(s: &Halves<Sender<Item>, Receiver<Item>>, _: &After) -> Verdict {
    take_to_the_end(s);
    let taken = s.ledger.taken();
    if taken == 3 { Ok(()) } else { Err(format!("{taken} of 3 items before the end")) }
}

fn refuses(s: &Halves<Receiver<Item>, Sender<Item>>, _: &After) -> Verdict {
    put_in_vain(s);
    Ok(())
}
