//! A process or thread dies, or is stopped, that holds a lock or waits for one.

use std::os::unix::process::CommandExt;
use std::time::Duration;

use ipc_shm::Shared;
use procspawn_core::StartMethod;
use sync_primitives::{LockError, Mutex, MutexGuard};

use crate::family::{AMutex, Exclusive, Held, How, Said, each_lock};
use crate::support::{Child, Random, Turn, each_method, eventually, only, run, skip, soon};
use crate::system::{
    Foreign, enter_pid_namespace, foreign_lock, foreign_mark_consistent, foreign_new,
    foreign_unlock,
};

each_lock! { each_method:
    a_killed_holder, an_aborted_holder, an_exited_holder, a_holder_that_executes,
    a_holder_that_returns, a_thread_that_ends, a_killed_waiter, a_stopped_holder,
    a_stopped_waiter, a_pid_that_is_used_again,
}
each_lock! { [only Spawn]:
    killed_at_random, another_pid_namespace, a_holder_that_stays_stopped,
}

each_method! {
    killed_while_it_repairs, a_mutex_of_the_c_library_in_between, many_held_at_death,
}
only! { Spawn: a_mutex_of_the_c_library_in_any_order }

/// Has a holder die in some way, and looks what the next ones are told.
#[track_caller]
fn after<L: Exclusive>(lock: &L, method: StartMethod, die: impl FnOnce()) {
    let mut waiter = Child::start(method, lock, |lock: L, mut turn: Turn| {
        turn.ready();
        let (said, guard) = lock.take(How::Wait);
        (said, guard.unwrap().get())
    });
    waiter.wait_asleep();
    die();
    assert_eq!(waiter.join(), (L::after_death(), 3));
    told::<L>(lock, method);
}

/// All are told of a death until one has put things in order.
#[track_caller]
fn told<L: Exclusive>(lock: &L, method: StartMethod) {
    for how in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(soon())] {
        assert_eq!(lock.try_out(how), L::after_death(), "{how:?}");
    }
    let said = run(method, |lock: L| lock.try_out(How::Now), (lock.clone(),));
    assert_eq!(said, L::after_death());
    let (_, guard) = lock.take(How::Now);
    guard.unwrap().mark_consistent();
    assert_eq!(lock.try_out(How::Now), Said::Fine);
    assert_eq!(lock.hold().get(), 3);
}

/// Takes the lock for good.
fn hold_on<L: Exclusive>(lock: &L, turn: &mut Turn) {
    let mut guard = lock.hold();
    guard.set(3);
    std::mem::forget(guard);
    turn.pass();
}

fn a_killed_holder<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let holder: Child<()> =
        Child::ready(method, &lock, |lock: L, mut turn: Turn| hold_on(&lock, &mut turn));
    after(&lock, method, || holder.kill());
}

fn an_aborted_holder<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut holder: Child<()> = Child::ready(method, &lock, |lock: L, mut turn: Turn| {
        rustix::process::setrlimit(
            rustix::process::Resource::Core,
            rustix::process::Rlimit { current: Some(0), maximum: Some(0) },
        )
        .unwrap();
        hold_on(&lock, &mut turn);
        std::process::abort();
    });
    after(&lock, method, || {
        holder.go();
        assert_eq!(holder.dies().signal(), Some(libc::SIGABRT));
    });
}

fn an_exited_holder<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut holder: Child<()> = Child::ready(method, &lock, |lock: L, mut turn: Turn| {
        hold_on(&lock, &mut turn);
        std::process::exit(4);
    });
    after(&lock, method, || {
        holder.go();
        assert_eq!(holder.dies().code(), Some(4));
    });
}

/// The program that a process becomes knows nothing of its locks.
fn a_holder_that_executes<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut holder: Child<()> = Child::ready(method, &lock, |lock: L, mut turn: Turn| {
        hold_on(&lock, &mut turn);
        panic!("{}", std::process::Command::new("sleep").arg("1000").exec());
    });
    after(&lock, method, || holder.go());
    holder.kill();
}

/// The memory of the lock is unmapped by then, so the kernel does not find it; a waiter notices.
fn a_holder_that_returns<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut holder: Child<()> =
        Child::ready(method, &lock, |lock: L, mut turn: Turn| hold_on(&lock, &mut turn));
    after(&lock, method, || holder.go());
    holder.join();
}

fn a_thread_that_ends<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut holder: Child<()> = Child::ready(method, &lock, |lock: L, mut turn: Turn| {
        // The memory stays mapped here, so the kernel finds the lock when the thread ends.
        let other = lock.clone();
        let thread = std::thread::spawn(move || {
            hold_on(&other, &mut turn);
            std::mem::forget(other);
            turn
        });
        let mut turn = thread.join().unwrap();
        turn.pass();
    });
    after(&lock, method, || holder.go());
    holder.wait_ready();
    holder.end();
}

fn a_killed_waiter<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    for dies in 0..3 {
        let guard = lock.hold();
        let mut waiters: Vec<Child<Said>> = (0..3)
            .map(|_| {
                Child::start(method, &lock, |lock: L, mut turn: Turn| {
                    turn.ready();
                    lock.try_out(How::Wait)
                })
            })
            .collect();
        waiters.iter_mut().for_each(Child::wait_asleep);
        waiters.remove(dies).kill();
        drop(guard);
        waiters.iter_mut().for_each(|waiter| assert_eq!(waiter.join(), Said::Fine));
        assert_eq!(lock.try_out(How::Now), Said::Fine);
    }
}

fn a_stopped_holder<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let holder: Child<()> = Child::ready(method, &lock, |lock: L, mut turn: Turn| {
        let mut guard = lock.hold();
        turn.pass();
        guard.set(2);
    });
    holder.stop();
    assert_eq!(lock.try_out(How::Now), Said::WouldBlock);
    assert_eq!(lock.try_out(How::For(Duration::from_millis(20))), Said::TimedOut);
    holder.resume();
    holder.end();
    assert_eq!(lock.hold().get(), 2);
}

/// For longer than a waiter waits before it asks whether the holder still exists.
fn a_holder_that_stays_stopped<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let holder: Child<()> =
        Child::ready(method, &lock, |lock: L, mut turn: Turn| hold_on(&lock, &mut turn));
    holder.stop();
    assert_eq!(lock.try_out(How::For(Duration::from_millis(1200))), Said::TimedOut);
    holder.kill();
    told(&lock, method);
}

fn a_stopped_waiter<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let guard = lock.hold();
    let waits = |lock: L, mut turn: Turn| {
        turn.ready();
        lock.try_out(How::Wait)
    };
    let mut stopped = Child::start(method, &lock, waits);
    stopped.wait_asleep();
    stopped.stop();
    let mut waiter = Child::start(method, &lock, waits);
    waiter.wait_asleep();
    drop(guard);
    assert_eq!(waiter.join(), Said::Fine);
    assert_eq!(lock.try_out(How::Until(soon())), Said::Fine);
    stopped.resume();
    assert_eq!(stopped.join(), Said::Fine);
}

/// The kernel marks the lock when its holder dies, so it does not matter who has the number later.
fn a_pid_that_is_used_again<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let holder: Child<()> =
        Child::ready(method, &lock, |lock: L, mut turn: Turn| hold_on(&lock, &mut turn));
    let pid = holder.pid();
    holder.kill();
    // Only a hint to the kernel; whether the number comes back does not change what is promised.
    let _ = std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string());
    let others: Vec<Child<()>> =
        (0..3).map(|_| Child::ready(method, &lock, |_: L, mut turn: Turn| turn.pass())).collect();
    told(&lock, method);
    others.into_iter().for_each(Child::end);
}

/// Takes and gives back for ever, and puts in order what it finds.
fn struggle<L: Exclusive>(lock: L, mut turn: Turn) {
    turn.ready();
    loop {
        if let (Said::OwnerDied, Some(guard)) = lock.take(How::Wait) {
            guard.mark_consistent();
        }
    }
}

/// Whatever it was doing, the others go on.
fn killed_at_random<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    let mut random = Random(5);
    let mut children: Vec<Child<()>> =
        (0..3).map(|_| Child::ready(method, &lock, struggle)).collect();
    for _ in 0..20 {
        for _ in 0..random.next() % 3000 {
            std::hint::spin_loop();
        }
        children.remove(0).kill();
        let (said, guard) = lock.take(How::Until(soon()));
        assert!(matches!(said, Said::Fine | Said::OwnerDied), "{said:?}");
        guard.unwrap().mark_consistent();
        children.push(Child::ready(method, &lock, struggle));
    }
    children.into_iter().for_each(Child::kill);
    let (said, guard) = lock.take(How::Until(soon()));
    assert!(matches!(said, Said::Fine | Said::OwnerDied), "{said:?}");
    guard.unwrap().mark_consistent();
    assert_eq!(lock.try_out(How::Now), Said::Fine);
}

/// A number that no thread of this pid namespace has.
fn unused_number() -> u32 {
    let unused = |number: &u32| !std::path::Path::new(&format!("/proc/{number}")).exists();
    (20_000..30_000).find(unused).unwrap()
}

/// Begins a new pid namespace, in which a thread with this number holds the lock.
fn in_another_namespace<L: Exclusive>(lock: L, number: u32, mut turn: Turn) -> Option<u32> {
    if !enter_pid_namespace() {
        turn.ready();
        return None;
    }
    let method = StartMethod::Fork;
    let mut holder: Child<u32> =
        Child::start(method, &(lock, number), |(lock, number): (L, u32), mut turn: Turn| {
            // The first process of a namespace ends it; a thread of it has the number.
            std::fs::write("/proc/sys/kernel/ns_last_pid", (number - 1).to_string()).unwrap();
            let thread = std::thread::spawn(move || {
                hold_on(&lock, &mut turn);
                crate::support::tid().cast_unsigned()
            });
            thread.join().unwrap()
        });
    holder.wait_ready();
    turn.pass();
    Some(holder.end())
}

/// Numbers of threads say nothing elsewhere: nobody takes the lock of a holder whose number does not
/// exist here, and the kernel marks the lock wherever the holder dies.
fn another_pid_namespace<L: Exclusive>(method: StartMethod) {
    let lock = L::fresh();
    assert_eq!(lock.try_out(How::Now), Said::Fine);
    let number = unused_number();
    let mut holder: Child<Option<u32>> =
        Child::ready(method, &(lock.clone(), number), |(lock, number), turn: Turn| {
            in_another_namespace::<L>(lock, number, turn)
        });
    if let Some(result) = (!holder.sleeps()).then(|| holder.try_join()).flatten() {
        assert_eq!(result, None);
        return skip("a new pid namespace is not permitted");
    }
    // Longer than a waiter waits before it asks whether the holder still exists.
    assert_eq!(lock.try_out(How::For(Duration::from_millis(1200))), Said::TimedOut);
    assert_eq!(holder.end(), Some(number));
    told(&lock, method);
}

fn killed_while_it_repairs(method: StartMethod) {
    let lock = AMutex::fresh();
    let holder: Child<()> =
        Child::ready(method, &lock, |lock: AMutex, mut turn: Turn| hold_on(&lock, &mut turn));
    holder.kill();
    for _ in 0..3 {
        let repairs: Child<()> = Child::ready(method, &lock, |lock: AMutex, mut turn: Turn| {
            let _ = lock.lock_or_repair(|value| {
                assert_eq!(*value, 3);
                turn.pass();
            });
        });
        repairs.kill();
    }
    let value = *lock.lock_or_repair(|value| *value += 10).unwrap();
    assert_eq!(value, 13);
    assert_eq!(*lock.lock_or_repair(|_| unreachable!("it is in order")).unwrap(), 13);
}

type Three = (AMutex, Foreign, AMutex);

/// Takes one of ours, one of the C library, one of ours.
fn take_three((first, foreign, last): &Three) -> (MutexGuard<'_, u64>, MutexGuard<'_, u64>) {
    let first = first.hold();
    assert_eq!(foreign_lock(foreign), 0);
    (first, last.hold())
}

#[track_caller]
fn all_are_marked((first, foreign, last): &Three) {
    assert_eq!(foreign_lock(foreign), libc::EOWNERDEAD);
    foreign_mark_consistent(foreign);
    foreign_unlock(foreign);
    for lock in [first, last] {
        let Err(LockError::OwnerDied(guard)) = lock.lock() else { panic!("it was not marked") };
        MutexGuard::mark_consistent(&guard);
    }
}

fn new_three() -> Three {
    (AMutex::fresh(), foreign_new(), AMutex::fresh())
}

fn a_mutex_of_the_c_library_in_between(method: StartMethod) {
    let three = new_three();
    let holder: Child<()> = Child::ready(method, &three, |three: Three, mut turn: Turn| {
        let guards = take_three(&three);
        turn.pass();
        drop(guards);
    });
    holder.kill();
    all_are_marked(&three);
}

/// Releases the three in each order, and dies after each number of releases.
fn a_mutex_of_the_c_library_in_any_order(method: StartMethod) {
    const ORDERS: [[u8; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let three = new_three();
    for order in ORDERS {
        for released in 0..=3 {
            let released = &order[..released];
            let arg = (three.clone(), released.to_vec());
            let holder: Child<()> = Child::ready(
                method,
                &arg,
                |(three, released): (Three, Vec<u8>), mut turn: Turn| {
                    let (first, last) = take_three(&three);
                    let (mut first, mut last) = (Some(first), Some(last));
                    for which in released {
                        match which {
                            0 => drop(first.take()),
                            1 => foreign_unlock(&three.1),
                            _ => drop(last.take()),
                        }
                    }
                    turn.pass();
                    drop((first, last));
                },
            );
            holder.kill();
            let died = |which| if released.contains(&which) { Said::Fine } else { Said::OwnerDied };
            assert_eq!(three.0.try_out(How::Now), died(0), "{released:?} of {order:?}");
            assert_eq!(three.2.try_out(How::Now), died(2), "{released:?} of {order:?}");
            let foreign = foreign_lock(&three.1);
            let expected = if released.contains(&1) { 0 } else { libc::EOWNERDEAD };
            assert_eq!(foreign, expected, "{released:?} of {order:?}");
            if foreign != 0 {
                foreign_mark_consistent(&three.1);
            }
            foreign_unlock(&three.1);
            for lock in [&three.0, &three.2] {
                lock.take(How::Now).1.unwrap().mark_consistent();
            }
        }
    }
}

fn many_held_at_death(method: StartMethod) {
    let locks: Vec<Shared<Mutex<u64>>> = (0..64).map(|_| AMutex::fresh()).collect();
    let holder: Child<()> = Child::ready(method, &locks, |locks: Vec<AMutex>, mut turn: Turn| {
        let mut guards: Vec<_> = locks.iter().map(AMutex::hold).collect();
        Random(3).shuffle(&mut guards);
        guards.truncate(40);
        guards.extend(locks.iter().filter_map(|lock| lock.try_lock().ok()));
        assert_eq!(guards.len(), 64);
        turn.pass();
    });
    holder.kill();
    eventually("marked", || locks.iter().all(|lock| lock.try_out(How::Now) == Said::OwnerDied));
}
