//! Waiting for a child: with a limit, from several threads, past signals, and past its descendants.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ipc_pipe::{Receiver, Sender, pipe};
use procspawn_core::{JoinError, Process, StartMethod};
use rustix::process::Signal;

use crate::support::{
    Living, Observed, PATIENCE, alarm_every, each_method, live_until, on_signal, only, pids, run,
    start,
};

each_method! {
    a_join_that_gives_up_leaves_the_child_alive,
    the_value_is_given_once,
    the_sentinel_is_ready_exactly_when_the_child_has_ended,
    a_child_that_has_ended_is_joined_at_once_whatever_its_descendants_do,
    several_threads_wait_for_one_child,
    children_are_joined_in_any_order,
    signals_do_not_disturb_start_and_join,
    a_stopped_child_is_alive,
    a_child_ends_while_nobody_looks,
    a_join_beyond_the_end_of_the_clock_waits,
}

only! { Fork: a_forked_child_cannot_join_its_sibling }

fn a_join_that_gives_up_leaves_the_child_alive(method: StartMethod) {
    let mut living = Living::start(method);
    let child = &mut living.handle;
    assert!(child.join_timeout(Duration::ZERO).is_none());
    assert!(child.join_timeout(Duration::from_millis(20)).is_none());
    assert!(child.join_deadline(Instant::now()).is_none());
    let past = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    assert!(child.join_deadline(past).is_none());
    assert!(child.try_join().is_none());
    assert!(child.wait_timeout(Duration::from_millis(1)).is_none());
    assert!(child.exit_status().is_none());
    assert!(child.is_alive());
    living.end().unwrap();
}

fn the_value_is_given_once(method: StartMethod) {
    let mut child = start(method, || "value".to_string(), ());
    assert_eq!(child.join_timeout(PATIENCE).unwrap().unwrap(), "value");
    assert!(matches!(child.try_join(), Some(Err(JoinError::AlreadyJoined))));
    assert!(matches!(child.join_timeout(PATIENCE), Some(Err(JoinError::AlreadyJoined))));
    assert!(child.exit_status().unwrap().success());
    assert!(matches!(child.join(), Err(JoinError::AlreadyJoined)));
}

fn the_sentinel_is_ready_exactly_when_the_child_has_ended(method: StartMethod) {
    let ready = |sentinel: BorrowedFd<'_>| {
        !ipc_pipe::wait(&[sentinel], Some(Duration::ZERO)).unwrap().is_empty()
    };
    let living = Living::start(method);
    let known = living.handle.child().clone();
    assert!(!ready(known.sentinel()));
    assert!(!ready(living.handle.as_fd()));
    living.handle.kill().unwrap();
    assert_eq!(ipc_pipe::wait(&[known.sentinel()], Some(PATIENCE)).unwrap(), [0]);
    living.handle.join().unwrap_err();
    assert!(ready(known.sentinel()), "and after it has been joined");

    // Beside others, of which one is ready.
    let (first, second) = (Living::start(method), Living::start(method));
    second.handle.kill().unwrap();
    let both = [first.handle.sentinel(), second.handle.sentinel()];
    assert_eq!(ipc_pipe::wait(&both, Some(PATIENCE)).unwrap(), [1]);
    second.handle.join().unwrap_err();
    first.end().unwrap();
}

fn a_child_that_has_ended_is_joined_at_once_whatever_its_descendants_do(method: StartMethod) {
    // The child leaves by `_exit`, which does not wait for the grandchild as an orderly exit would.
    let body = |method: StartMethod, mut pids: Sender<u32>, gate: Receiver<()>, leave: bool| {
        let (mut ready, sender) = pipe::<()>().unwrap();
        let grandchild = start(method, live_until, (gate, sender));
        ready.recv().unwrap();
        pids.send(&grandchild.pid()).unwrap();
        if leave {
            crate::support::leave(7);
        }
        loop {
            std::thread::park();
        }
    };
    for leave in [true, false] {
        let (mut pid, sender) = pids();
        let (receiver, mut gate) = pipe::<()>().unwrap();
        let child = start(method, body, (method, sender, receiver, leave));
        let grandchild = Observed::new(pid.recv().unwrap());
        if !leave {
            child.kill().unwrap();
        }
        assert_eq!(ipc_pipe::wait(&[child.sentinel()], Some(PATIENCE)).unwrap(), [0]);
        let result: Result<(), _> = child.join();
        match result {
            Err(JoinError::Exited(7)) => assert!(leave),
            Err(JoinError::Signaled { signal: libc::SIGKILL, .. }) => assert!(!leave),
            other => panic!("{other:?}"),
        }
        assert!(!grandchild.has_ended(), "the grandchild goes on");
        gate.send(&()).unwrap();
        grandchild.wait_for_end();
    }
}

fn several_threads_wait_for_one_child(method: StartMethod) {
    let living = Living::start(method);
    let known = living.handle.child().clone();
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| known.wait())).collect();
        living.end().unwrap();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| status.success()), "{statuses:?}");
}

fn children_are_joined_in_any_order(method: StartMethod) {
    let all: Vec<_> = (0..6).map(|_| Living::start(method)).collect();
    let (even, odd): (Vec<_>, Vec<_>) = (0..6).zip(all).partition(|(n, _)| n % 2 == 0);
    for (_, living) in odd.into_iter().rev().chain(even) {
        living.end().unwrap();
    }
}

static ALARMS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_alarm(_: i32) {
    ALARMS.fetch_add(1, Ordering::Relaxed);
}

fn signals_do_not_disturb_start_and_join(method: StartMethod) {
    on_signal(libc::SIGALRM, count_alarm);
    alarm_every(Duration::from_micros(500));
    for n in 0..20 {
        let big = vec![1u8; n * 1000];
        assert_eq!(run(method, |big: Vec<u8>| big.len(), (big,)), n * 1000);
    }
    let (receiver, mut gate) = pipe::<()>().unwrap();
    let (_ready, sender) = pipe::<()>().unwrap();
    let child = start(method, live_until, (receiver, sender));
    // Joined while the alarms come, until a good many have.
    let before = ALARMS.load(Ordering::Relaxed);
    let joined = std::thread::scope(|scope| {
        let thread = scope.spawn(|| child.join());
        while ALARMS.load(Ordering::Relaxed) < before + 50 {
            std::thread::yield_now();
        }
        assert!(!thread.is_finished());
        gate.send(&()).unwrap();
        thread.join().unwrap()
    });
    joined.unwrap();
    alarm_every(Duration::ZERO);
}

fn a_stopped_child_is_alive(method: StartMethod) {
    let mut living = Living::start(method);
    let observed = Observed::new(living.handle.pid());
    observed.signal(Signal::STOP);
    while crate::support::see(living.handle.pid()).unwrap().state != 'T' {
        std::thread::yield_now();
    }
    assert!(living.handle.is_alive());
    assert!(living.handle.join_timeout(Duration::from_millis(20)).is_none());
    observed.signal(Signal::CONT);
    living.end().unwrap();
}

fn a_child_ends_while_nobody_looks(method: StartMethod) {
    let mut child = start(method, || 5, ());
    ipc_pipe::wait(&[child.sentinel()], None).unwrap();
    assert!(!child.is_alive());
    assert_eq!(child.try_join().unwrap().unwrap(), 5);
}

fn a_join_beyond_the_end_of_the_clock_waits(method: StartMethod) {
    let mut child = start(method, || 5, ());
    assert_eq!(child.join_timeout(Duration::MAX).unwrap().unwrap(), 5);
    let child = start(method, || 5, ());
    assert!(child.wait_timeout(Duration::MAX).unwrap().success());
    drop(child);
}

fn a_forked_child_cannot_join_its_sibling(_: StartMethod) {
    let living = Living::start(StartMethod::Fork);
    let (known, gate) = (living.handle.child().clone(), living);
    let sibling = Process::from_closure(move || {
        let error = gate.handle.join().unwrap_err();
        matches!(error, JoinError::NotParent)
    });
    // The description owns the handle, of which the parent's copy is dropped by the start.
    assert!(sibling.start().unwrap().join().unwrap());
    known.kill().unwrap();
    assert_eq!(known.wait().signal(), Some(libc::SIGKILL));
}
