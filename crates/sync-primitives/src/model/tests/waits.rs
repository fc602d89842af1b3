//! What is waited for: no wake-up is lost, whoever dies.

use super::{kill_first, kill_first_at_length};
use crate::{Barrier, BrokenBarrier, Condvar, Event, Latch, Mutex, Semaphore};

#[test]
fn a_dead_setter_strands_nobody() {
    // The second sets as well, so that there is something to wait for if the first dies at once.
    kill_first(Event::new, &[Event::set, Event::set, Event::wait], |event| assert!(event.is_set()));
}

#[test]
fn an_event_is_heard() {
    // The first may die before it sets; the second then waits for what it sets itself.
    fn set_and_wait(event: &Event) {
        event.set();
        event.wait();
    }
    kill_first(Event::new, &[Event::set, set_and_wait], |event| assert!(event.is_set()));
}

#[test]
fn a_dead_waiter_keeps_no_event_back() {
    kill_first(Event::new, &[Event::wait, Event::set, Event::wait], |_| ());
}

fn no_permits() -> Semaphore {
    Semaphore::new(0).expect("zero is allowed")
}

fn release(semaphore: &Semaphore) {
    semaphore.release().expect("there is room");
}

#[test]
fn a_dead_releaser_strands_nobody() {
    kill_first(no_permits, &[release, release, Semaphore::acquire], |_| ());
}

#[test]
fn a_dead_taker_takes_no_wake_up_with_it() {
    fn release_two(semaphore: &Semaphore) {
        release(semaphore);
        release(semaphore);
    }
    kill_first(no_permits, &[Semaphore::acquire, release_two, Semaphore::acquire], |_| ());
}

struct Mail {
    mutex: Mutex<bool>,
    come: Condvar,
}

impl Mail {
    fn new() -> Mail {
        Mail { mutex: Mutex::new(false), come: Condvar::new() }
    }

    fn bring(&self) {
        let mut here = self.mutex.lock_or_repair(|_| ()).expect("the mutex can be had");
        *here = true;
        drop(here);
        self.come.notify_all();
    }

    fn fetch(&self) {
        let mut here = self.mutex.lock_or_repair(|_| ()).expect("the mutex can be had");
        while !*here {
            here = match self.come.wait(here) {
                Ok(here) => here,
                Err(error) => error.into_guard().expect("the mutex can be had"),
            };
        }
    }
}

#[test]
fn mail_is_brought_or_its_bringer_dies() {
    // The survivor brings the mail itself, so that its own wait ends.
    fn bring_and_fetch(mail: &Mail) {
        mail.bring();
        mail.fetch();
    }
    kill_first(Mail::new, &[Mail::fetch, bring_and_fetch], |_| ());
}

#[test]
fn a_dead_notifier_strands_nobody() {
    kill_first_at_length(Mail::new, &[Mail::bring, Mail::bring, Mail::fetch], |_| ());
}

#[test]
fn a_dead_waiter_takes_no_notification_with_it() {
    kill_first_at_length(Mail::new, &[Mail::fetch, Mail::bring, Mail::fetch], |_| ());
}

#[test]
fn a_latch_opens_for_all() {
    fn arrive(latch: &Latch) {
        // If the first has counted, the second is one too many.
        let _ = latch.count_down(1);
    }
    let latch = || Latch::new(1).expect("one is allowed");
    kill_first(latch, &[arrive, arrive, Latch::wait], |latch| assert!(latch.try_wait()));
}

fn wait(barrier: &Barrier<2>) {
    match barrier.wait() {
        Ok(_) | Err(BrokenBarrier::PartyDied | BrokenBarrier::Aborted) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_barrier_lets_through_or_breaks() {
    // One that has not arrived when it dies is not known: somebody has to end the wait.
    let two = || Barrier::new(2).expect("two is allowed");
    kill_first(two, &[wait, wait, Barrier::abort], |_| ());
}

#[test]
fn two_parties_meet_or_one_dies() {
    // The survivor's wait ends by itself: if the other has not arrived, it aborts.
    fn wait_or_abort(barrier: &Barrier<2>) {
        if barrier.n_waiting() == 0 {
            barrier.abort();
        }
        wait(barrier);
    }
    let two = || Barrier::new(2).expect("two is allowed");
    kill_first(two, &[wait, wait_or_abort], |_| ());
}

#[test]
fn an_abort_that_dies_strands_nobody() {
    let two = || Barrier::new(2).expect("two is allowed");
    kill_first(two, &[Barrier::abort, wait, wait], |_| ());
}
