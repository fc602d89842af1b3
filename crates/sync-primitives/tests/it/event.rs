//! A flag.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::handles::Event as Handle;
use sync_primitives::{Event, Mutex};

use crate::support::{Child, Turn, each_method, only, past, run, soon};
use crate::system::{alarm_every, on_signal};

each_method! {
    set_wakes_all, a_killed_waiter, killed_waiters_in_a_row, a_stopped_waiter, set_and_clear,
    as_a_field,
}
only! { Spawn: set_in_a_signal_handler }

#[test]
fn smoke() {
    let event = Event::new();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event.wait();
    event.clear();
    event.clear();
    assert!(!event.is_set());
}

#[test]
fn forms() {
    let event = Event::default();
    assert!(!event.try_wait() && !event.wait_timeout(Duration::ZERO));
    assert!(!event.wait_timeout(Duration::from_millis(5)) && !event.wait_deadline(past()));
    event.set();
    assert!(event.try_wait() && event.wait_timeout(Duration::ZERO));
    assert!(event.wait_timeout(Duration::MAX) && event.wait_deadline(past()));
}

#[test]
fn debug() {
    let event = Event::new();
    let down = format!("{event:?}");
    event.set();
    assert_ne!(down, format!("{event:?}"));
}

fn waits(event: Handle, mut turn: Turn) {
    turn.ready();
    event.wait();
}

fn waiters(method: StartMethod, event: &Handle, count: usize) -> Vec<Child<()>> {
    let mut waiters: Vec<_> = (0..count).map(|_| Child::start(method, event, waits)).collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    waiters
}

fn set_wakes_all(method: StartMethod) {
    let event = Handle::new().unwrap();
    let mut waiters = waiters(method, &event, 4);
    run(method, |event: Handle| event.set(), (event.clone(),));
    waiters.iter_mut().for_each(Child::join);
    assert!(event.is_set());
}

fn a_killed_waiter(method: StartMethod) {
    for dies in 0..3 {
        let event = Handle::new().unwrap();
        let mut waiters = waiters(method, &event, 3);
        waiters.remove(dies).kill();
        event.set();
        waiters.iter_mut().for_each(Child::join);
    }
}

fn killed_waiters_in_a_row(method: StartMethod) {
    let event = Handle::new().unwrap();
    for _ in 0..5 {
        waiters(method, &event, 1).remove(0).kill();
        event.set();
        event.clear();
    }
    let mut waiters = waiters(method, &event, 1);
    event.set();
    waiters[0].join();
}

fn a_stopped_waiter(method: StartMethod) {
    let event = Handle::new().unwrap();
    let mut waiters = waiters(method, &event, 2);
    waiters[0].stop();
    event.set();
    waiters[1].join();
    // It returns also if the flag is down again by then.
    event.clear();
    waiters[0].resume();
    waiters[0].join();
}

/// However short the flag is up, who waited then is let go.
fn set_and_clear(method: StartMethod) {
    let event = Handle::new().unwrap();
    for _ in 0..10 {
        let mut waiters = waiters(method, &event, 2);
        event.set();
        event.clear();
        waiters.iter_mut().for_each(Child::join);
    }
}

#[derive(Shareable)]
#[repr(C)]
struct Door {
    open: Event,
    passed: AtomicU32,
}

fn as_a_field(method: StartMethod) {
    let door = Shared::new(Door { open: Event::new(), passed: AtomicU32::new(0) }).unwrap();
    let mut waiter = Child::start(method, &door, |door: Shared<Door>, _: Turn| {
        assert!(door.open.wait_deadline(soon()));
        door.passed.fetch_add(1, SeqCst);
    });
    door.open.set();
    waiter.join();
    assert_eq!(door.passed.load(SeqCst), 1);
}

static EVENT: LazyLock<Event> = LazyLock::new(Event::new);
static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn set(_: i32) {
    SIGNALS.fetch_add(1, SeqCst);
    EVENT.set();
}

/// The signal comes wherever the thread is just then: in a wait, in `set` or `clear`, in a lock.
fn set_in_a_signal_handler(_: StartMethod) {
    let event: &Event = &EVENT; // Made here, before a handler needs it.
    on_signal(libc::SIGALRM, set);
    alarm_every(Duration::from_micros(200));
    let (mutex, deadline) = (Mutex::new(0_u64), soon());
    while SIGNALS.load(SeqCst) < 1000 {
        assert!(std::time::Instant::now() < deadline);
        event.clear();
        assert!(event.wait_deadline(deadline));
        for _ in 0..200 {
            *mutex.lock().unwrap() += 1;
            event.clear();
            event.set();
        }
    }
    alarm_every(Duration::ZERO);
    assert_eq!(*mutex.lock().unwrap() % 200, 0);
}
