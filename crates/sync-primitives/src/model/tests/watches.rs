//! Watchers: they hear of everything, and take no wake-up with them.

use super::{kill_first, kill_first_at_length};
use crate::{Event, Mutex, Watch, wait_any};

struct Street {
    locks: [Mutex<()>; 2],
    events: [Event; 2],
}

impl Street {
    fn new() -> Street {
        Street { locks: [Mutex::new(()), Mutex::new(())], events: [Event::new(), Event::new()] }
    }

    fn watch(&self, watches: &[Watch<'_>]) {
        let ready = wait_any(watches, None).expect("a few words");
        assert!(!ready.is_empty(), "it has no deadline");
    }

    fn watch_first_lock(&self) {
        self.watch(&[Watch::unlocked(&self.locks[0])]);
    }

    /// The second is not what it names to the kernel.
    fn watch_an_event_and_a_lock(&self) {
        self.watch(&[Watch::event(&self.events[0]), Watch::unlocked(&self.locks[0])]);
    }

    fn watch_first_event(&self) {
        self.watch(&[Watch::event(&self.events[0])]);
    }

    fn watch_second_event(&self) {
        self.watch(&[Watch::event(&self.events[1]), Watch::event(&self.events[0])]);
    }

    fn use_first_lock(&self) {
        drop(self.locks[0].lock_or_repair(|()| ()).expect("a lock is always to be had"));
    }

    fn set_first_event(&self) {
        self.events[0].set();
    }

    fn wait_for_first_event(&self) {
        self.events[0].wait();
    }

    fn is_free(&self) {
        assert!(self.locks[0].lock().is_ok() || self.locks[0].is_poisoned());
    }
}

#[test]
fn a_watched_holder_dies() {
    kill_first(Street::new, &[Street::use_first_lock, Street::watch_first_lock], Street::is_free);
}

#[test]
fn a_watched_holder_dies_among_lockers() {
    kill_first(
        Street::new,
        &[Street::use_first_lock, Street::watch_first_lock, Street::use_first_lock],
        Street::is_free,
    );
}

#[test]
fn a_watcher_dies_among_lockers() {
    kill_first(
        Street::new,
        &[Street::watch_first_lock, Street::use_first_lock, Street::use_first_lock],
        Street::is_free,
    );
}

#[test]
fn a_watcher_of_several_dies_among_lockers() {
    kill_first_at_length(
        Street::new,
        &[Street::watch_an_event_and_a_lock, Street::use_first_lock, Street::use_first_lock],
        Street::is_free,
    );
}

#[test]
fn a_watcher_dies_among_watchers() {
    kill_first(
        Street::new,
        &[Street::watch_an_event_and_a_lock, Street::use_first_lock, Street::watch_first_lock],
        Street::is_free,
    );
}

#[test]
fn a_watched_setter_dies() {
    fn set_and_watch(street: &Street) {
        street.set_first_event();
        street.watch_second_event();
    }
    kill_first(Street::new, &[Street::set_first_event, set_and_watch], |_| ());
}

#[test]
fn a_watched_setter_dies_among_watchers() {
    // The second sets as well, so that there is something to wait for if the first dies at once.
    kill_first(
        Street::new,
        &[Street::set_first_event, Street::set_first_event, Street::watch_second_event],
        |_| (),
    );
}

#[test]
fn a_watcher_that_hears_the_bell_wakes_the_others() {
    kill_first(
        Street::new,
        &[
            Street::set_first_event,
            Street::set_first_event,
            Street::watch_second_event,
            Street::wait_for_first_event,
        ],
        |_| (),
    );
}

#[test]
fn a_watcher_keeps_no_event_back() {
    kill_first(
        Street::new,
        &[Street::watch_second_event, Street::set_first_event, Street::watch_first_event],
        |_| (),
    );
}
