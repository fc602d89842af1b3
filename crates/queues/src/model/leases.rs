//! The table: an item that is out of the ring comes back once, or was done, whoever dies.

use sync_primitives::model::{kill_first, kill_first_at_length};

use super::Stage;
use crate::takes::{BORROWED, Held, LEASED};

fn with_one() -> Stage {
    let stage = Stage::new(4);
    stage.put(1);
    stage
}

/// The item stands behind a jump.
fn with_a_jump() -> Stage {
    let stage = Stage::new(4);
    for _ in 0..3 {
        stage.put(99);
        assert!(stage.try_get());
    }
    stage.taken.lock().expect("nobody panics here").clear();
    stage.put.lock().expect("nobody panics here").clear();
    assert!(stage.try_put(&[1], 24));
    stage
}

impl Stage {
    /// As `returned` and `take_out`: an item that came back, or the one at the head.
    fn try_take(&self, state: u32) -> Option<Held<'_>> {
        let mut consumers = self.lock_consumers();
        let (control, takes) = (self.control(), &self.control().takes);
        let head = control.head().unit;
        for (index, take) in takes.active() {
            if take.is_returned(head)
                && let Some(held) = takes.try_hold(index).expect("a lock that can be had")
                && take.state() == LEASED
            {
                held.take_over();
                return Some(held);
            }
        }
        let front = self.ring.front(&mut consumers).expect("the ring is in order")?;
        let held = takes.take_place().expect("a place is free");
        held.enter(state, front.unit, 0);
        control.set_head(front.next);
        held.confirm();
        drop(consumers);
        Some(held)
    }
}

fn lease(stage: &Stage) {
    drop(stage.try_take(LEASED));
}

fn done(stage: &Stage) {
    if let Some(held) = stage.try_take(LEASED) {
        held.free();
        super::note(&stage.taken, &[1]);
    }
}

fn borrow(stage: &Stage) {
    if let Some(held) = stage.try_take(BORROWED) {
        held.free();
        super::note(&stage.taken, &[1]);
    }
}

/// Without the mark of a return in the table's list, nobody who sleeps would see it.
fn has_come_back(stage: &Stage) {
    let control = stage.control();
    let returned = control.takes.is_any_returned(control.head().unit);
    assert_eq!(usize::from(returned) + control.queued() as usize, 1, "it is there once");
    done(stage);
    assert_eq!(stage.taken(), [1]);
    ends_well(stage);
}

fn is_there_once_at_most(stage: &Stage) {
    done(stage);
    done(stage);
    assert!(stage.taken().len() <= 1, "{:?}", stage.taken());
    ends_well(stage);
}

/// No place is lost, and no room.
fn ends_well(stage: &Stage) {
    assert!(stage.try_put(&[1, 1], 8), "there is room");
    let both = [stage.try_take(BORROWED), stage.try_take(BORROWED)];
    assert!(both.iter().all(Option::is_some), "both places are free");
    both.into_iter().flatten().for_each(Held::free);
    drop(stage.lock_consumers());
    stage.taken.lock().expect("nobody panics here").clear();
    stage.put.lock().expect("nobody panics here").clear();
    stage.adds_up(0);
}

#[test]
fn a_lease_comes_back() {
    kill_first(with_one, &[lease, lease], has_come_back);
}

#[test]
fn a_lease_behind_a_jump_comes_back() {
    kill_first(with_a_jump, &[lease, lease], has_come_back);
}

#[test]
fn what_is_acknowledged_does_not_come_back() {
    kill_first(with_one, &[done, done], is_there_once_at_most);
}

#[test]
fn what_is_acknowledged_does_not_come_back_to_two() {
    kill_first_at_length(with_one, &[done, done, lease], is_there_once_at_most);
}

#[test]
fn a_borrowed_item_leaves_its_place() {
    kill_first_at_length(with_one, &[borrow, borrow], is_there_once_at_most);
}

/// The room of an item that is out is not used before it is given back.
#[test]
fn a_lease_keeps_its_room() {
    fn put_all_there_is_room_for(stage: &Stage) {
        while stage.try_put(&[11], 8) {}
    }
    fn lease_and_read(stage: &Stage) {
        let Some(held) = stage.try_take(LEASED) else { return };
        let unit = held.take().unit.load(crate::platform::Ordering::Relaxed);
        let record = stage.ring.whole_record(unit).expect("it is where it was");
        let mut bytes = Vec::new();
        stage.ring.read(unit, record, &mut bytes);
        assert_eq!(bytes, 1_u64.to_ne_bytes(), "nobody has written over it");
        held.free();
    }
    kill_first_at_length(with_one, &[put_all_there_is_room_for, lease_and_read], |_| ());
}
