//! A meeting point.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::handles::Barrier as Handle;
use sync_primitives::{Barrier, BrokenBarrier};

use crate::support::{Child, Turn, each_method, eventually, only, past, soon};
use crate::system::{fork, leave};

each_method! {
    ten_times, a_thousand_rounds, the_action_runs_once_before_anybody_is_let_go, abort, reset,
    abort_and_reset, a_timeout_breaks_it_for_all, a_waiter_dies, an_entered_party_dies,
    an_entered_party_exits, an_entered_thread_ends, the_last_dies_in_the_action, the_last_is_stopped_in_the_action, a_stopped_party,
    a_stranger_dies,
}
only! { Fork: a_forked_childs_copy_of_a_party }

const NEVER: Duration = Duration::from_secs(3600);

/// What a party gets, in a form that travels.
type Got = Result<(u32, bool), String>;

fn got(result: Result<sync_primitives::BarrierWaitResult, BrokenBarrier>) -> Got {
    result.map(|round| (round.index(), round.is_leader())).map_err(|error| format!("{error:?}"))
}

fn waits(barrier: Handle, mut turn: Turn) -> Got {
    turn.ready();
    got(barrier.wait())
}

fn new(parties: u32) -> Handle {
    Handle::new(parties).unwrap()
}

/// Has so many wait, and waits until they do.
fn waiters(method: StartMethod, barrier: &Handle, count: u32) -> Vec<Child<Got>> {
    let mut waiters: Vec<_> = (0..count).map(|_| Child::start(method, barrier, waits)).collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    eventually("waiting", || barrier.n_waiting() == count);
    waiters
}

#[track_caller]
fn all_got(waiters: &mut [Child<Got>], why: BrokenBarrier) {
    waiters.iter_mut().for_each(|waiter| assert_eq!(waiter.join(), Err(format!("{why:?}"))));
}

/// All meet, and are told different places.
#[track_caller]
fn meet(method: StartMethod, barrier: &Handle) {
    let parties = barrier.parties();
    let mut waiters = waiters(method, barrier, parties - 1);
    let mut places: Vec<_> = waiters.iter_mut().map(|_| 0).collect();
    let last = got(barrier.wait()).unwrap();
    assert_eq!(last, (parties - 1, true));
    for (place, waiter) in places.iter_mut().zip(&mut waiters) {
        let (index, leads) = waiter.join().unwrap();
        assert!(!leads);
        *place = index;
    }
    places.sort_unstable();
    assert!(places.into_iter().eq(0..parties - 1));
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
}

#[test]
fn smoke() {
    let barrier = Barrier::<8>::new(2).unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| barrier.wait().unwrap().index());
        let own = barrier.wait().unwrap().index();
        assert_eq!(own + other.join().unwrap(), 1);
    });
}

#[test]
fn one_party_never_waits() {
    let barrier = Barrier::<2>::new(1).unwrap();
    for _ in 0..5 {
        let round = barrier.wait().unwrap();
        assert_eq!((round.index(), round.is_leader()), (0, true));
        assert!(barrier.wait_timeout(Duration::ZERO).is_ok());
        assert!(barrier.wait_deadline(past()).is_ok());
        assert!(barrier.try_wait().unwrap().is_some());
    }
    let party = barrier.enter().unwrap();
    assert!(party.wait().unwrap().is_leader());
    assert!(party.wait_deadline(past()).is_ok());
}

#[test]
fn forms() {
    let barrier = Barrier::<8>::new(2).unwrap();
    assert_eq!(barrier.try_wait(), Ok(None));
    assert_eq!(barrier.wait_timeout(Duration::from_millis(5)), Err(BrokenBarrier::TimedOut));
    assert_eq!(barrier.wait(), Err(BrokenBarrier::TimedOut));
    assert_eq!(barrier.try_wait(), Err(BrokenBarrier::TimedOut));
    assert!(barrier.is_broken());
    barrier.reset();
    assert_eq!(barrier.wait_deadline(past()), Err(BrokenBarrier::TimedOut));
    barrier.reset();
    assert!(!barrier.is_broken());
}

#[test]
fn bad_counts() {
    for count in [0, 9, u32::MAX] {
        let error = Barrier::<8>::new(count).unwrap_err();
        assert_eq!((error.count, error.least, error.most), (u64::from(count), 1, 8));
    }
    assert!(Handle::new(0).is_err() && Handle::new(127).is_err() && Handle::new(126).is_ok());
}

#[test]
fn full() {
    let barrier = Barrier::<2>::new(1).unwrap();
    let parties = (barrier.enter().unwrap(), barrier.enter().unwrap());
    assert_eq!(barrier.enter().unwrap_err(), BrokenBarrier::Full);
    assert_eq!(barrier.wait(), Err(BrokenBarrier::Full));
    drop(parties);
    assert!(barrier.wait().is_ok());
}

#[test]
fn a_party_dropped_in_a_panic_breaks() {
    let barrier = Barrier::<8>::new(2).unwrap();
    let panics = || {
        let _party = barrier.enter().unwrap();
        std::panic::resume_unwind(Box::new(()));
    };
    std::thread::scope(|scope| assert!(scope.spawn(panics).join().is_err()));
    assert_eq!(barrier.wait(), Err(BrokenBarrier::PartyDied));
    barrier.reset();
    drop(barrier.enter().unwrap());
    assert!(!barrier.is_broken());
}

#[test]
fn the_action_panics() {
    let barrier = Barrier::<8>::new(2).unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| barrier.wait());
        eventually("waiting", || barrier.n_waiting() == 1);
        let panics = || barrier.wait_with(|| std::panic::resume_unwind(Box::new(())));
        assert!(scope.spawn(panics).join().is_err());
        assert_eq!(other.join().unwrap(), Err(BrokenBarrier::ActionPanicked));
    });
    assert_eq!(barrier.wait(), Err(BrokenBarrier::ActionPanicked));
    barrier.reset();
    std::thread::scope(|scope| {
        scope.spawn(|| barrier.wait().unwrap());
        barrier.wait().unwrap();
    });
}

/// The action goes on for as long as the other one waits.
#[test]
fn a_timeout_during_the_action() {
    let barrier = Barrier::<8>::new(2).unwrap();
    let mut timeout = Duration::from_millis(20);
    // On a busy machine the time may be up before the action begins.
    while std::thread::scope(|scope| {
        let other = scope.spawn(|| barrier.wait_timeout(timeout));
        eventually("waiting", || barrier.n_waiting() == 1 || barrier.is_broken());
        let mut ran = false;
        let last = barrier.wait_with(|| {
            eventually("broken", || barrier.is_broken());
            ran = true;
        });
        assert_eq!(other.join().unwrap(), Err(BrokenBarrier::TimedOut));
        assert_eq!(last, Err(BrokenBarrier::TimedOut));
        !ran
    }) {
        barrier.reset();
        timeout *= 2;
    }
}

#[test]
fn debug() {
    let barrier = Barrier::<8>::new(2).unwrap();
    let text = format!("{barrier:?}");
    assert_eq!(text, "Barrier { parties: 2, waiting: 0, broken: false, .. }");
    assert_eq!(format!("{:?}", barrier.enter().unwrap()), "Party { place: 0, .. }");
}

fn ten_times(method: StartMethod) {
    let barrier = new(3);
    for _ in 0..10 {
        meet(method, &barrier);
    }
}

/// How many have come to a round and left it.
#[derive(Shareable)]
#[repr(C)]
struct Hall {
    barrier: Barrier<16>,
    came: AtomicU64,
    leaders: AtomicU32,
    actions: AtomicU32,
}

fn hall(parties: u32) -> Shared<Hall> {
    Shared::new(Hall {
        barrier: Barrier::new(parties).unwrap(),
        came: AtomicU64::new(0),
        leaders: AtomicU32::new(0),
        actions: AtomicU32::new(0),
    })
    .unwrap()
}

/// Nobody is in a round before all have left the one before the last, nor without all the others.
fn a_thousand_rounds(method: StartMethod) {
    let hall = hall(5);
    let mut children: Vec<Child<()>> = (0..5)
        .map(|_| {
            Child::start(method, &hall, |hall: Shared<Hall>, _: Turn| {
                let mut seen = 0;
                for round in 1..=1000 {
                    hall.came.fetch_add(1, SeqCst);
                    let arrival = hall.barrier.wait_deadline(soon()).unwrap();
                    let came = hall.came.load(SeqCst);
                    assert!((5 * round..5 * round + 5).contains(&came), "{came} in {round}");
                    hall.leaders.fetch_add(u32::from(arrival.is_leader()), SeqCst);
                    seen |= 1 << arrival.index();
                }
                assert!((1..32).contains(&seen));
            })
        })
        .collect();
    children.iter_mut().for_each(Child::join);
    assert_eq!((hall.came.load(SeqCst), hall.leaders.load(SeqCst)), (5000, 1000));
}

fn the_action_runs_once_before_anybody_is_let_go(method: StartMethod) {
    let hall = hall(4);
    let mut children: Vec<Child<()>> = (0..4)
        .map(|_| {
            Child::start(method, &hall, |hall: Shared<Hall>, _: Turn| {
                for round in 1..=20 {
                    let action = || _ = hall.actions.fetch_add(1, SeqCst);
                    hall.barrier.wait_with(action).unwrap();
                    let actions = hall.actions.load(SeqCst);
                    // The next round may be complete only when this thread is there, too.
                    assert_eq!(actions, round);
                }
            })
        })
        .collect();
    children.iter_mut().for_each(Child::join);
    assert_eq!(hall.actions.load(SeqCst), 20);
}

fn abort(method: StartMethod) {
    let barrier = new(3);
    let mut waiters = waiters(method, &barrier, 2);
    barrier.abort();
    all_got(&mut waiters, BrokenBarrier::Aborted);
    assert_eq!(barrier.wait(), Err(BrokenBarrier::Aborted));
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, true));
}

fn reset(method: StartMethod) {
    let barrier = new(3);
    let mut waiters = waiters(method, &barrier, 2);
    barrier.reset();
    all_got(&mut waiters, BrokenBarrier::Reset);
    meet(method, &barrier);
}

fn abort_and_reset(method: StartMethod) {
    let barrier = new(3);
    for _ in 0..3 {
        let mut waiters = waiters(method, &barrier, 2);
        barrier.abort();
        barrier.reset();
        for waiter in &mut waiters {
            let why = waiter.join().unwrap_err();
            assert!(why == "Aborted" || why == "Reset", "{why}");
        }
        meet(method, &barrier);
    }
}

fn a_timeout_breaks_it_for_all(method: StartMethod) {
    let barrier = new(4);
    let mut waiters = waiters(method, &barrier, 2);
    let late = barrier.wait_timeout(Duration::from_millis(20));
    assert_eq!(late, Err(BrokenBarrier::TimedOut));
    all_got(&mut waiters, BrokenBarrier::TimedOut);
    barrier.reset();
    meet(method, &barrier);
}

fn a_waiter_dies(method: StartMethod) {
    let barrier = new(4);
    for dies in 0..3 {
        let mut waiters = waiters(method, &barrier, 3);
        waiters.remove(dies).kill();
        all_got(&mut waiters, BrokenBarrier::PartyDied);
        assert_eq!(barrier.wait(), Err(BrokenBarrier::PartyDied));
        barrier.reset();
    }
    meet(method, &barrier);
}

fn enters(barrier: Handle, mut turn: Turn) -> Got {
    let party = barrier.enter().unwrap();
    turn.pass();
    got(party.wait())
}

fn an_entered_party_dies(method: StartMethod) {
    let barrier = new(3);
    let party: Child<Got> = Child::ready(method, &barrier, enters);
    let mut waiters = waiters(method, &barrier, 1);
    party.kill();
    all_got(&mut waiters, BrokenBarrier::PartyDied);
    assert_eq!(barrier.wait_timeout(NEVER), Err(BrokenBarrier::PartyDied));
    assert_eq!(barrier.enter().unwrap().wait(), Err(BrokenBarrier::PartyDied));
    barrier.reset();
    meet(method, &barrier);
    // One that waits as a party that has entered.
    let mut party: Child<Got> = Child::ready(method, &barrier, enters);
    party.go();
    eventually("waiting", || barrier.n_waiting() == 1);
    party.kill();
    assert_eq!(barrier.wait(), Err(BrokenBarrier::PartyDied));
}

fn an_entered_party_exits(method: StartMethod) {
    let barrier = new(2);
    let mut party: Child<()> = Child::ready(method, &barrier, |barrier: Handle, mut turn: Turn| {
        let _party = barrier.enter().unwrap();
        turn.pass();
        std::process::exit(3);
    });
    let mut waiters = waiters(method, &barrier, 1);
    party.go();
    all_got(&mut waiters, BrokenBarrier::PartyDied);
    assert_eq!(party.dies().code(), Some(3));
}

fn an_entered_thread_ends(method: StartMethod) {
    let barrier = new(2);
    let mut party: Child<()> = Child::ready(method, &barrier, |barrier: Handle, mut turn: Turn| {
        let other = barrier.clone();
        let enters = move || std::mem::forget(other.enter().unwrap());
        turn.pass();
        std::thread::spawn(enters).join().unwrap();
        turn.pass();
    });
    let mut waiters = waiters(method, &barrier, 1);
    party.go();
    party.wait_ready();
    all_got(&mut waiters, BrokenBarrier::PartyDied);
    party.end();
}

fn the_last_dies_in_the_action(method: StartMethod) {
    let barrier = new(3);
    let mut waiters = waiters(method, &barrier, 2);
    let last: Child<()> = Child::ready(method, &barrier, |barrier: Handle, mut turn: Turn| {
        let _ = barrier.wait_with(|| turn.pass());
    });
    waiters.iter().for_each(Child::assert_asleep);
    last.kill();
    all_got(&mut waiters, BrokenBarrier::PartyDied);
}

/// Nobody needs him to break the barrier.
fn the_last_is_stopped_in_the_action(method: StartMethod) {
    let barrier = new(2);
    let mut waiters = waiters(method, &barrier, 1);
    let mut last: Child<Got> = Child::ready(method, &barrier, |barrier: Handle, mut turn: Turn| {
        got(barrier.wait_with(|| turn.pass()))
    });
    last.stop();
    barrier.abort();
    all_got(&mut waiters, BrokenBarrier::Aborted);
    assert_eq!(barrier.wait_timeout(Duration::ZERO), Err(BrokenBarrier::Aborted));
    last.resume();
    last.go();
    assert_eq!(last.join(), Err("Aborted".into()));
    barrier.reset();
    meet(method, &barrier);
}

/// It is not dead: the round waits for it, or for as long as the others want.
fn a_stopped_party(method: StartMethod) {
    let barrier = new(3);
    let party: Child<Got> = Child::ready(method, &barrier, enters);
    party.stop();
    let mut waiters = waiters(method, &barrier, 1);
    let late = barrier.wait_timeout(Duration::from_millis(20));
    assert_eq!(late, Err(BrokenBarrier::TimedOut));
    all_got(&mut waiters, BrokenBarrier::TimedOut);
    barrier.reset();
    let mut waiters = self::waiters(method, &barrier, 1);
    waiters[0].stop();
    let mut other = Child::start(method, &barrier, waits);
    other.wait_ready();
    eventually("waiting", || barrier.n_waiting() == 2);
    party.resume();
    assert!(party.end().is_ok());
    assert!(other.join().is_ok());
    waiters[0].resume();
    assert!(waiters[0].join().is_ok());
}

/// Nobody knows of one that has neither entered nor arrived.
fn a_stranger_dies(method: StartMethod) {
    let barrier = new(2);
    let mut waiters = waiters(method, &barrier, 1);
    let stranger: Child<()> = Child::ready(method, &barrier, |barrier: Handle, mut turn: Turn| {
        drop(barrier.enter().unwrap());
        turn.pass();
    });
    stranger.kill();
    assert!(!barrier.is_broken());
    assert!(barrier.wait().is_ok() && waiters[0].join().is_ok());
}

fn a_forked_childs_copy_of_a_party(method: StartMethod) {
    let barrier = new(2);
    let party = barrier.enter().unwrap();
    let Some(child) = fork() else {
        drop(party);
        leave(0)
    };
    child.join();
    assert!(!barrier.is_broken());
    let mut waiters = waiters(method, &barrier, 1);
    assert!(party.wait().is_ok() && waiters[0].join().is_ok());
}
