//! A process forks while it holds locks: the locks stay with the parent.

use std::panic::AssertUnwindSafe;

use procspawn_core::StartMethod;

use crate::family::{Exclusive, Held, How, Said, each_lock};
use crate::support::run;
use crate::system::{fork, leave};

each_lock! { [only Fork]:
    the_childs_guard_does_nothing, a_panic_in_the_child_poisons_nothing,
    the_child_waits_for_its_parent, the_child_has_locks_of_its_own, a_child_that_dies_holding,
    a_child_of_a_child,
}

fn the_childs_guard_does_nothing<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut guard = lock.hold();
    let Some(child) = fork() else {
        drop(guard);
        for how in [How::Now, How::For(std::time::Duration::from_millis(1))] {
            assert!(matches!(lock.try_out(how), Said::WouldBlock | Said::TimedOut));
        }
        leave(0)
    };
    child.join();
    let said = run(method, |lock: L| lock.try_out(How::Now), (lock.clone(),));
    assert_eq!(said, Said::WouldBlock);
    guard.set(1);
    drop(guard);
    assert_eq!(run(method, |lock: L| lock.hold().get(), (lock.clone(),)), 1);
}

fn a_panic_in_the_child_poisons_nothing<L: Exclusive>(_: StartMethod) {
    let lock = L::fresh();
    let guard = lock.hold();
    let Some(child) = fork() else {
        let panics = move || {
            let _guard = guard;
            std::panic::resume_unwind(Box::new(()));
        };
        assert!(std::panic::catch_unwind(AssertUnwindSafe(panics)).is_err());
        leave(0)
    };
    child.join();
    drop(guard);
    assert_eq!(lock.try_out(How::Now), Said::Fine);
}

fn the_child_waits_for_its_parent<L: Exclusive>(_: StartMethod) {
    let lock = L::fresh();
    let mut guard = lock.hold();
    let Some(child) = fork() else {
        drop(guard);
        let (said, guard) = lock.take(How::Wait);
        assert_eq!((said, guard.map(|guard| guard.get())), (Said::Fine, Some(8)));
        leave(0)
    };
    child.wait_asleep();
    guard.set(8);
    drop(guard);
    child.join();
    assert_eq!(lock.hold().get(), 8);
}

fn the_child_has_locks_of_its_own<L: Exclusive>(_: StartMethod) {
    let (held, free) = (L::fresh(), L::fresh());
    let guard = held.hold();
    let Some(child) = fork() else {
        let own = L::fresh();
        let guards = (own.hold(), free.hold());
        assert_eq!(held.try_out(How::Now), Said::WouldBlock);
        drop(guards.0);
        assert_eq!(own.try_out(How::Now), Said::Fine);
        drop((guards.1, guard));
        leave(0)
    };
    child.join();
    assert_eq!(free.try_out(How::Now), Said::Fine);
    drop(guard);
    assert_eq!(held.try_out(How::Now), Said::Fine);
}

fn a_child_that_dies_holding<L: Exclusive>(_: StartMethod) {
    let (held, free) = (L::fresh(), L::fresh());
    let guard = held.hold();
    let Some(child) = fork() else {
        assert_eq!(free.take_for_good(), Said::Fine);
        leave(0)
    };
    child.join();
    assert_eq!(free.try_out(How::Now), L::after_death());
    drop(guard);
    assert_eq!(held.try_out(How::Now), Said::Fine);
}

fn a_child_of_a_child<L: Exclusive>(_: StartMethod) {
    let (first, second) = (L::fresh(), L::fresh());
    let guard = first.hold();
    let Some(child) = fork() else {
        let own = second.hold();
        let Some(grandchild) = fork() else {
            drop((guard, own));
            assert_eq!(first.try_out(How::Now), Said::WouldBlock);
            assert_eq!(second.try_out(How::Now), Said::WouldBlock);
            leave(0)
        };
        grandchild.join();
        drop(own);
        assert_eq!(second.try_out(How::Now), Said::Fine);
        leave(0)
    };
    child.join();
    drop(guard);
    assert_eq!(first.try_out(How::Now), Said::Fine);
    assert_eq!(second.try_out(How::Now), Said::Fine);
}
