//! What holds for every lock: how one takes it, and that one thread has it at a time.

use std::time::Duration;

use procspawn_core::StartMethod;

use crate::family::{Exclusive, Held, How, Said, each_lock};
use crate::support::{Child, Random, Turn, past, run, wait_for_thread};

each_lock! { here:
    smoke, a_free_lock_is_taken_in_every_form, a_held_lock_is_refused_in_every_form,
    a_waiter_gets_it, locking_again, sixty_four_locks_and_not_one_more, out_of_order,
    a_panic_poisons, a_guard_from_before_a_panic_does_not_poison, exact_between_threads, debug,
}
each_lock! { each_method: exact_between_processes, works_between_processes }

fn smoke<L: Exclusive>() {
    let lock = L::fresh();
    let mut guard = lock.hold();
    assert_eq!(guard.get(), 0);
    guard.set(5);
    drop(guard);
    assert_eq!(lock.clone().hold().get(), 5);
}

fn a_free_lock_is_taken_in_every_form<L: Exclusive>() {
    let lock = L::fresh();
    let timeouts = [Duration::ZERO, Duration::from_nanos(1), Duration::MAX].map(How::For);
    let forms = [How::Now, How::Wait, How::Until(past()), How::Until(crate::support::soon())];
    for how in forms.into_iter().chain(timeouts) {
        assert_eq!(lock.try_out(how), Said::Fine, "{how:?}");
    }
}

fn a_held_lock_is_refused_in_every_form<L: Exclusive>() {
    let lock = L::fresh();
    let guard = lock.hold();
    let other = lock.clone();
    let refused = std::thread::spawn(move || {
        assert_eq!(other.try_out(How::Now), Said::WouldBlock);
        assert_eq!(other.try_out(How::Until(past())), Said::TimedOut);
        assert_eq!(other.try_out(How::For(Duration::ZERO)), Said::TimedOut);
        let (before, timeout) = (std::time::Instant::now(), Duration::from_millis(30));
        assert_eq!(other.try_out(How::For(timeout)), Said::TimedOut);
        assert!(before.elapsed() >= timeout);
        let deadline = std::time::Instant::now() + timeout;
        assert_eq!(other.try_out(How::Until(deadline)), Said::TimedOut);
        assert!(std::time::Instant::now() >= deadline);
    });
    refused.join().unwrap();
    drop(guard);
    assert_eq!(lock.try_out(How::Now), Said::Fine);
}

fn a_waiter_gets_it<L: Exclusive>() {
    for how in [How::Wait, How::For(Duration::MAX), How::Until(crate::support::soon())] {
        let lock = L::fresh();
        let mut guard = lock.hold();
        let (sender, tid) = std::sync::mpsc::channel();
        let other = lock.clone();
        let waiter = std::thread::spawn(move || {
            sender.send(crate::support::tid()).unwrap();
            let (said, guard) = other.take(how);
            (said, guard.unwrap().get())
        });
        wait_for_thread(tid.recv().unwrap());
        guard.set(9);
        drop(guard);
        assert_eq!(waiter.join().unwrap(), (Said::Fine, 9));
    }
}

fn locking_again<L: Exclusive>() {
    let lock = L::fresh();
    let guard = lock.hold();
    let again = lock.try_out(How::For(Duration::from_millis(1)));
    assert_eq!(again, L::AGAIN);
    if L::AGAIN == Said::Deadlock {
        for how in [How::Now, How::Wait, How::Until(past())] {
            assert_eq!(lock.try_out(how), Said::Deadlock);
        }
    }
    drop(guard);
    let other = lock.clone();
    assert_eq!(std::thread::spawn(move || other.try_out(How::Now)).join().unwrap(), Said::Fine);
}

fn sixty_four_locks_and_not_one_more<L: Exclusive>() {
    let locks: Vec<_> = (0..65).map(|_| L::fresh()).collect();
    let mut guards: Vec<_> = locks[..64].iter().map(L::hold).collect();
    for how in [How::Now, How::Wait, How::For(Duration::ZERO)] {
        assert_eq!(locks[64].try_out(how), Said::TooManyHeld);
    }
    guards.iter_mut().for_each(|guard| guard.set(3));
    drop(guards.pop());
    assert_eq!(locks[64].try_out(How::Now), Said::Fine);
    drop(guards);
    let others = locks.clone();
    let all_free = move || others.iter().all(|lock| lock.try_out(How::Now) == Said::Fine);
    assert!(std::thread::spawn(all_free).join().unwrap());
    assert!(locks[..64].iter().all(|lock| lock.hold().get() == 3));
}

fn out_of_order<L: Exclusive>() {
    let locks: Vec<_> = (0..64).map(|_| L::fresh()).collect();
    let mut random = Random(11);
    for _ in 0..20 {
        let mut guards: Vec<_> = locks.iter().map(L::hold).collect();
        random.shuffle(&mut guards);
        guards.truncate(32);
        guards.clear();
        let others = locks.clone();
        let all_free = move || others.iter().all(|lock| lock.try_out(How::Now) == Said::Fine);
        assert!(std::thread::spawn(all_free).join().unwrap());
    }
}

fn a_panic_poisons<L: Exclusive>() {
    let lock = L::fresh();
    let other = lock.clone();
    let panics = move || {
        let mut guard = other.hold();
        guard.set(1);
        std::panic::resume_unwind(Box::new(()));
    };
    assert!(std::thread::spawn(panics).join().is_err());
    let after = if L::TELLS { Said::Poisoned } else { Said::Fine };
    for _ in 0..3 {
        let (said, guard) = lock.take(How::Now);
        assert_eq!((said, guard.unwrap().get()), (after, 1));
    }
    lock.take(How::Now).1.unwrap().mark_consistent();
    assert_eq!(lock.try_out(How::Now), Said::Fine);
}

/// As with the locks of std: only what is taken before a panic and dropped in it is poisoned.
fn a_guard_from_before_a_panic_does_not_poison<L: Exclusive>() {
    struct LockInPanic<L: Exclusive>(L);
    impl<L: Exclusive> Drop for LockInPanic<L> {
        fn drop(&mut self) {
            self.0.hold().set(4);
        }
    }
    let lock = L::fresh();
    let other = LockInPanic(lock.clone());
    let panics = move || {
        let _other = other;
        std::panic::resume_unwind(Box::new(()));
    };
    assert!(std::thread::spawn(panics).join().is_err());
    assert_eq!(lock.hold().get(), 4);
}

fn debug<L: Exclusive>() {
    let lock = L::fresh();
    let (free, guard) = (format!("{lock:?}"), lock.hold());
    assert_ne!(format!("{lock:?}"), "");
    drop(guard);
    assert_eq!(format!("{lock:?}"), free);
}

/// Adds one so many times, each time in two steps.
fn count<L: Exclusive>(lock: L, times: u64) {
    for _ in 0..times {
        let (said, guard) = lock.take(How::Wait);
        assert_eq!(said, Said::Fine);
        let mut guard = guard.unwrap();
        let value = guard.get();
        std::hint::black_box(&lock);
        guard.set(value + 1);
    }
}

fn exact_between_threads<L: Exclusive>() {
    let lock = L::fresh();
    let threads =
        [(); 4].map(|()| lock.clone()).map(|lock| std::thread::spawn(|| count(lock, 2000)));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(lock.hold().get(), 8000);
}

fn exact_between_processes<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let children: Vec<Child<()>> = (0..3)
        .map(|_| {
            Child::ready(method, &lock, |lock: L, mut turn: Turn| {
                turn.pass();
                let other = lock.clone();
                let thread = std::thread::spawn(|| count(other, 1000));
                count(lock, 1000);
                thread.join().unwrap();
            })
        })
        .collect();
    let mut children = children;
    children.iter_mut().for_each(Child::go);
    children.iter_mut().for_each(Child::join);
    assert_eq!(lock.hold().get(), 6000);
}

fn works_between_processes<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut holder = Child::ready(method, &lock, |lock: L, mut turn: Turn| {
        let mut guard = lock.hold();
        turn.pass();
        guard.set(6);
    });
    assert_eq!(lock.try_out(How::Now), Said::WouldBlock);
    assert_eq!(lock.try_out(How::For(Duration::from_millis(5))), Said::TimedOut);
    let mut waiter = Child::start(method, &lock, |lock: L, mut turn: Turn| {
        turn.ready();
        lock.hold().get()
    });
    waiter.wait_asleep();
    holder.go();
    assert_eq!(waiter.join(), 6);
    holder.join();
    assert_eq!(run(method, |lock: L| lock.hold().get(), (lock.clone(),)), 6);
    assert_eq!(lock.try_out(How::Now), Said::Fine);
}
