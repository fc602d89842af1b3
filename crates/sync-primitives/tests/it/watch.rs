//! Several places at once.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::{Event, InvalidCount, LockError, Mutex, MutexGuard, Watch, futex, wait_any};

use crate::support::{Child, Turn, each_method, only, past, run, soon, tid, wait_for_thread};
use crate::system::{scribble, word_of};

each_method! {
    an_event, an_event_that_goes_down_again, a_killed_holder, a_holder_that_lets_go, a_word,
    killed_watchers, watchers_and_waiters,
}
only! { Spawn:
    a_stopped_holder, a_holder_that_the_kernel_did_not_reach, a_setter_killed_at_random,
    a_holder_killed_at_random, written_over,
}

#[derive(Shareable)]
#[repr(C)]
struct Places {
    events: [Event; 2],
    locks: [Mutex<u64>; 2],
    word: AtomicU32,
}

type Stage = Shared<Places>;

fn stage() -> Stage {
    let (events, locks) = ([Event::new(), Event::new()], [Mutex::new(0), Mutex::new(0)]);
    Shared::new(Places { events, locks, word: AtomicU32::new(0) }).unwrap()
}

/// Everything there is, in this order: two events, two locks, a word.
fn all(places: &Places) -> [Watch<'_>; 5] {
    [
        Watch::event(&places.events[0]),
        Watch::event(&places.events[1]),
        Watch::unlocked(&places.locks[0]),
        Watch::unlocked(&places.locks[1]),
        Watch::word(&places.word, 0),
    ]
}

fn now(places: &Places) -> Vec<usize> {
    wait_any(&all(places), Some(past())).unwrap()
}

fn watches(places: Stage, mut turn: Turn) -> Vec<usize> {
    turn.ready();
    wait_any(&all(&places), None).unwrap()
}

/// Watches one of the five.
fn watches_one((places, which): (Stage, usize), mut turn: Turn) -> Vec<usize> {
    turn.ready();
    wait_any(&all(&places)[which..=which], None).unwrap()
}

fn waits((places, which): (Stage, usize), mut turn: Turn) {
    turn.ready();
    places.events[which].wait();
}

fn locks_first(places: Stage, mut turn: Turn) -> bool {
    turn.ready();
    matches!(places.locks[0].lock(), Err(LockError::OwnerDied(_)))
}

fn holds_both(places: Stage, mut turn: Turn) {
    let guards = (places.locks[0].lock().unwrap(), places.locks[1].lock().unwrap());
    turn.pass();
    drop(guards);
    turn.pass();
}

#[test]
fn smoke() {
    let places = stage();
    assert_eq!(now(&places), [2, 3]);
    let guards = places.locks.each_ref().map(|lock| lock.lock().unwrap());
    assert_eq!(now(&places), []);
    places.events[1].set();
    assert_eq!(wait_any(&all(&places), None).unwrap(), [1]);
    places.word.store(7, SeqCst);
    assert_eq!(wait_any(&all(&places), Some(soon())).unwrap(), [1, 4]);
    drop(guards);
    places.events[1].clear();
    assert_eq!(now(&places), [2, 3, 4]);
}

#[test]
fn forms() {
    let (event, word) = (Event::new(), AtomicU32::new(3));
    let watches = [Watch::event(&event), Watch::word(&word, 3)];
    assert_eq!(wait_any(&watches, Some(past())).unwrap(), []);
    let deadline = Instant::now() + Duration::from_millis(5);
    assert_eq!(wait_any(&watches, Some(deadline)).unwrap(), []);
    assert!(Instant::now() >= deadline);
    event.set();
    assert_eq!(wait_any(&watches, Some(past())).unwrap(), [0]);
}

#[test]
fn bad_counts() {
    let error = |count| InvalidCount { count, least: 1, most: 128 };
    assert_eq!(wait_any(&[], None), Err(error(0)));
    let (event, word) = (Event::new(), AtomicU32::new(0));
    event.set();
    let (events, words) = ([Watch::event(&event); 65], [Watch::word(&word, 1); 129]);
    assert_eq!(wait_any(&events, None), Err(error(130)));
    assert_eq!(wait_any(&words, None), Err(error(129)));
    assert_eq!(wait_any(&events[..64], None).unwrap().len(), 64);
    assert_eq!(wait_any(&words[..128], None).unwrap().len(), 128);
}

/// As many as one wait can name, and all of them slept at.
#[test]
fn the_most_there_can_be() {
    let words: Vec<_> = (0..128).map(|_| AtomicU32::new(0)).collect();
    let watches: Vec<_> = words.iter().map(|word| Watch::word(word, 0)).collect();
    std::thread::scope(|scope| {
        let (send, receive) = std::sync::mpsc::channel();
        let watcher = scope.spawn(move || {
            send.send(tid()).unwrap();
            wait_any(&watches, None).unwrap()
        });
        wait_for_thread(receive.recv().unwrap());
        words[127].store(1, SeqCst);
        futex::wake_all(&words[127]);
        assert_eq!(watcher.join().unwrap(), [127]);
    });
}

#[test]
fn the_same_twice() {
    let (event, mutex) = (Event::new(), Mutex::new(()));
    let guard = mutex.lock().unwrap();
    let (twice, watched) = ([Watch::event(&event); 2], [Watch::unlocked(&mutex); 2]);
    std::thread::scope(|scope| {
        let watcher =
            scope.spawn(move || wait_any(&[twice, watched].concat(), Some(soon())).unwrap());
        std::thread::sleep(Duration::from_millis(5));
        event.set();
        assert_eq!(watcher.join().unwrap(), [0, 1]);
    });
    drop(guard);
    assert!(!mutex.is_locked());
}

/// A lock of one's own is not ready, and stays one's own.
#[test]
fn a_lock_that_the_watcher_holds() {
    let mutex = Mutex::new(());
    let guard = mutex.lock().unwrap();
    let deadline = Instant::now() + Duration::from_millis(1100);
    assert_eq!(wait_any(&[Watch::unlocked(&mutex)], Some(deadline)).unwrap(), []);
    drop(guard);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn debug() {
    let word = AtomicU32::new(5);
    assert!(format!("{:?}", Watch::word(&word, 6)).contains('6'));
}

fn an_event(method: StartMethod) {
    for which in 0..2 {
        let places = stage();
        let holder: Child<()> = Child::ready(method, &places, holds_both);
        let mut watchers = [(); 3].map(|()| Child::asleep(method, &places, watches));
        let mut waiter = Child::asleep(method, &(places.clone(), which), waits);
        run(
            method,
            |places: Stage, which: usize| places.events[which].set(),
            (places.clone(), which),
        );
        watchers.iter_mut().for_each(|watcher| assert_eq!(watcher.join(), [which]));
        waiter.join();
        holder.kill();
    }
}

/// However short the flag is up, who waited then is let go.
fn an_event_that_goes_down_again(method: StartMethod) {
    let places = stage();
    let holder: Child<()> = Child::ready(method, &places, holds_both);
    for which in [0, 1, 0, 1] {
        let mut watcher = Child::asleep(method, &places, watches);
        places.events[which].set();
        places.events[which].clear();
        assert_eq!(watcher.join(), [which]);
    }
    holder.kill();
}

fn a_killed_holder(method: StartMethod) {
    let places = stage();
    let holder: Child<()> = Child::ready(method, &places, holds_both);
    let mut one = Child::asleep(method, &(places.clone(), 2), watches_one);
    let mut watchers = [(); 3].map(|()| Child::asleep(method, &places, watches));
    let mut locker = Child::asleep(method, &places, locks_first);
    holder.kill();
    assert!(locker.join());
    assert_eq!(one.join(), [0]);
    for watcher in &mut watchers {
        // The kernel gives the locks back one by one.
        let ready = watcher.join();
        assert!(!ready.is_empty() && ready.iter().all(|at| [2, 3].contains(at)), "{ready:?}");
    }
    assert_eq!(now(&places), [2, 3]);
}

fn a_holder_that_lets_go(method: StartMethod) {
    let places = stage();
    let mut holder: Child<()> = Child::ready(method, &places, holds_both);
    let mut one = Child::asleep(method, &(places.clone(), 2), watches_one);
    let mut watchers = [(); 3].map(|()| Child::asleep(method, &places, watches));
    let mut locker = Child::asleep(method, &places, locks_first);
    holder.go();
    assert!(!locker.join());
    assert_eq!(one.join(), [0]);
    watchers.iter_mut().for_each(|watcher| assert!(!watcher.join().is_empty()));
    holder.wait_ready();
    assert_eq!(now(&places), [2, 3]);
    holder.end();
}

fn a_word(method: StartMethod) {
    let places = stage();
    let holder: Child<()> = Child::ready(method, &places, holds_both);
    let mut watchers = [(); 2].map(|()| Child::asleep(method, &places, watches));
    let change = |places: Stage| {
        places.word.store(1, SeqCst);
        futex::wake_all(&places.word);
    };
    run(method, change, (places.clone(),));
    watchers.iter_mut().for_each(|watcher| assert_eq!(watcher.join(), [4]));
    holder.kill();
}

fn killed_watchers(method: StartMethod) {
    let places = stage();
    let holder: Child<()> = Child::ready(method, &places, holds_both);
    for _ in 0..3 {
        Child::asleep(method, &places, watches).kill();
        Child::asleep(method, &(places.clone(), 2), watches_one).kill();
    }
    let mut locker = Child::asleep(method, &places, locks_first);
    Child::asleep(method, &places, watches).kill();
    holder.kill();
    assert!(locker.join());
    let mut waiter = Child::asleep(method, &(places.clone(), 1), waits);
    places.events[1].set();
    waiter.join();
}

/// Those who want a lock get it one after the other, and a watcher is among them.
fn watchers_and_waiters(method: StartMethod) {
    let places = stage();
    let mut holder: Child<()> = Child::ready(method, &places, holds_both);
    let mut lockers: Vec<Child<bool>> = Vec::new();
    let mut watchers: Vec<Child<Vec<usize>>> = Vec::new();
    for _ in 0..2 {
        watchers.push(Child::asleep(method, &(places.clone(), 2), watches_one));
        lockers.push(Child::asleep(method, &places, locks_first));
        watchers.push(Child::asleep(method, &places, watches));
    }
    holder.go();
    lockers.iter_mut().for_each(|locker| assert!(!locker.join()));
    watchers.iter_mut().for_each(|watcher| assert!(!watcher.join().is_empty()));
    holder.wait_ready();
    holder.end();
}

/// One that is stopped is alive.
fn a_stopped_holder(method: StartMethod) {
    let places = stage();
    let holder: Child<()> = Child::ready(method, &places, holds_both);
    holder.stop();
    // Longer than a watcher waits before it asks whether the holder still exists.
    let deadline = Instant::now() + Duration::from_millis(1200);
    assert_eq!(wait_any(&all(&places), Some(deadline)).unwrap(), []);
    holder.resume();
    holder.kill();
    assert_eq!(now(&places), [2, 3]);
}

/// As if somebody had scribbled over the holder's list before it died.
fn a_holder_that_the_kernel_did_not_reach(_: StartMethod) {
    let dead = std::thread::spawn(tid).join().unwrap().cast_unsigned();
    let lock = Shared::new(Mutex::new(0_u64)).unwrap();
    drop(lock.lock().unwrap());
    word_of::<Mutex<u64>>(&lock, 0).store(dead, SeqCst);
    assert_eq!(wait_any(&[Watch::unlocked(&lock)], Some(soon())).unwrap(), [0]);
    let Err(LockError::OwnerDied(guard)) = lock.try_lock() else { panic!("not told") };
    MutexGuard::mark_consistent(&guard);
    drop(guard);
    // A number that no thread can have is nobody's, and the lock itself says what it thinks of it.
    word_of::<Mutex<u64>>(&lock, 0).store(0x3fff_ffff, SeqCst);
    assert_eq!(wait_any(&[Watch::unlocked(&lock)], Some(past())).unwrap(), [0]);
    assert!(matches!(lock.try_lock(), Err(LockError::Corrupt)));
}

fn sets_for_ever(places: Stage, mut turn: Turn) {
    turn.ready();
    loop {
        places.events[0].set();
        places.events[0].clear();
    }
}

/// Whatever it was doing, a flag that goes up is seen.
fn a_setter_killed_at_random(method: StartMethod) {
    let places = stage();
    let holder: Child<()> = Child::ready(method, &places, holds_both);
    for _ in 0..10 {
        let setter: Child<()> = Child::ready(method, &places, sets_for_ever);
        assert_eq!(wait_any(&all(&places), Some(soon())).unwrap(), [0]);
        let mut watcher = Child::start(method, &places, watches);
        setter.kill();
        places.events[0].set();
        assert_eq!(watcher.join(), [0]);
        places.events[0].clear();
    }
    holder.kill();
}

fn struggles(places: Stage, mut turn: Turn) {
    turn.ready();
    loop {
        for lock in &places.locks {
            *lock.lock_or_repair(|_| ()).unwrap() += 1;
        }
        std::thread::yield_now();
    }
}

fn looks_on(places: Stage, mut turn: Turn) {
    turn.ready();
    loop {
        assert!(!wait_any(&all(&places)[2..], None).unwrap().is_empty());
    }
}

fn a_holder_killed_at_random(method: StartMethod) {
    let places = stage();
    let mut children: Vec<Child<()>> = Vec::new();
    for _ in 0..12 {
        children.push(Child::ready(method, &places, struggles));
        children.push(Child::ready(method, &places, looks_on));
        if children.len() > 4 {
            children.remove(0).kill();
            children.remove(0).kill();
        }
        for lock in &places.locks {
            assert!(!wait_any(&[Watch::unlocked(lock)], Some(soon())).unwrap().is_empty());
            let locked = lock.lock_deadline(soon());
            drop(locked.or_else(|error| error.into_guard().ok_or(())).unwrap());
        }
    }
    children.into_iter().for_each(Child::kill);
    assert_eq!(now(&places), [2, 3]);
}

/// Nonsense in memory: it returns at its deadline, and nothing crashes.
fn written_over(_: StartMethod) {
    let mut random = crate::support::Random(91);
    for round in 0..300 {
        let places = stage();
        scribble::<Places>(&places, |_| match round % 3 {
            0 => Some(random.next()),
            1 => (random.next() & 3 == 0).then(|| random.next()),
            _ => (random.next() & 1 == 0).then(std::process::id),
        });
        let soon = Instant::now() + Duration::from_millis(1);
        let _ = wait_any(&all(&places), Some(soon)).unwrap();
        let _ = wait_any(&all(&places)[..2], Some(soon)).unwrap();
    }
}
