//! Priorities, timeouts and attempts.

use std::time::Duration;

use pool::{Executor, Retry, TaskError, ThreadPool, should_stop};
use sync_primitives::handles::Semaphore;

use crate::support::{Gate, PATIENCE, double, each_concurrent, each_executor, in_time, stay};

/// A limit that is soon reached.
const SHORT: Duration = Duration::from_millis(10);
/// A limit that only those reach who stay.
const LONG: Duration = Duration::from_secs(1);

each_executor! {
    a_panic_is_tried_again,
    attempts_are_counted,
    other_failures_are_not_tried_again,
    each_call_has_its_own_attempts,
    a_soft_timeout_asks_to_stop,
    limits_that_are_not_reached,
}

each_concurrent! {
    a_call_that_runs_for_too_long,
    the_time_in_the_queue_does_not_count,
    one_call_of_many_runs_for_too_long,
    a_timeout_is_tried_again,
    timeouts_are_counted,
    workers_are_not_lost_to_timeouts,
}

/// Fails as long as the semaphore has something to give.
fn fail_while(left: Semaphore) -> u32 {
    assert!(!left.try_acquire(), "there was something left");
    7
}

fn a_panic_is_tried_again(pool: &impl Executor) {
    let left = Semaphore::new(3).unwrap();
    let call = pool.call(fail_while).retry(Retry::on_panic(3));
    assert_eq!(call.apply((left.clone(),)).unwrap(), 7);
    assert_eq!(left.value(), 0);
}

fn attempts_are_counted(pool: &impl Executor) {
    for times in 0..4 {
        let left = Semaphore::new(10).unwrap();
        let call = pool.call(fail_while).retry(Retry::on_panic(times));
        assert!(call.apply((left.clone(),)).unwrap_err().is_panicked());
        assert_eq!(left.value(), 10 - 1 - times);
    }
}

fn other_failures_are_not_tried_again(pool: &impl Executor) {
    let left = Semaphore::new(10).unwrap();
    for retry in [Retry::NEVER, Retry::on_death(3), Retry::on_timeout(3).and_on_death()] {
        let before = left.value();
        let call = pool.call(fail_while).retry(retry);
        assert!(call.apply((left.clone(),)).unwrap_err().is_panicked());
        assert_eq!(left.value(), before - 1);
    }
}

fn each_call_has_its_own_attempts(pool: &impl Executor) {
    for chunk in [1, 5] {
        let lefts: Vec<_> = (0..10).map(|n| Semaphore::new(n % 5).unwrap()).collect();
        let call = pool.call(fail_while).retry(Retry::on_panic(3)).chunk_size(chunk);
        let each = call.map_each(lefts.iter().cloned()).unwrap();
        let good: Vec<bool> = each.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, true, true, true, false, true, true, true, true, false]);
        assert!(lefts.iter().all(|left| left.value() == 0));
    }
}

fn a_soft_timeout_asks_to_stop(pool: &impl Executor) {
    let gate = Gate::new();
    let call = pool.call(stay).soft_timeout(SHORT);
    assert!(call.apply((gate.clone(),)).unwrap(), "it was asked, and its value counts");
    // The limit is of each call, not of what comes after it.
    gate.open();
    assert_eq!(call.map((0..5).map(|_| gate.clone())).unwrap(), [false; 5]);
    assert!(!pool.apply(should_stop, ()).unwrap());
}

fn limits_that_are_not_reached(pool: &impl Executor) {
    for limit in [PATIENCE, Duration::MAX] {
        let call = pool.call(double).timeout(limit).soft_timeout(limit).priority(i32::MIN);
        assert_eq!(call.map(0..50).unwrap(), (0..50).map(double).collect::<Vec<_>>());
        assert_eq!(call.apply((4,)).unwrap(), 8);
    }
}

fn a_call_that_runs_for_too_long(pool: &impl Executor) {
    let gate = Gate::new();
    match pool.call(stay).timeout(SHORT).apply((gate.clone(),)) {
        Err(TaskError::TimedOut(limit)) => assert_eq!(limit, SHORT),
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
}

fn the_time_in_the_queue_does_not_count(pool: &impl Executor) {
    let gate = Gate::new();
    let busy: Vec<_> = (0..pool.workers()).map(|_| pool.submit(stay, (gate.clone(),))).collect();
    busy.iter().for_each(|_| gate.await_task());
    let queued = pool.call(double).timeout(Duration::from_secs(20)).submit((3,));
    let short = pool.call(stay).timeout(SHORT).submit((Gate::new(),));
    std::thread::sleep(2 * SHORT);
    assert!(!queued.ready() && !short.ready());
    gate.open();
    assert_eq!(queued.get().unwrap(), 6);
    assert!(short.get().unwrap_err().is_timed_out());
    busy.into_iter().for_each(|task| assert!(!task.get().unwrap()));
}

fn one_call_of_many_runs_for_too_long(pool: &impl Executor) {
    let (open, shut) = (Gate::new(), Gate::new());
    open.open();
    for chunk in [1, 10] {
        let gates = (0..10).map(|n| if n == 4 { shut.clone() } else { open.clone() });
        let call = pool.call(stay).timeout(LONG).chunk_size(chunk);
        for (n, result) in (0..).zip(call.map_each(gates).unwrap()) {
            match result {
                Ok(asked) => assert!(n != 4 && !asked),
                Err(error) => assert!(n == 4 && error.is_timed_out(), "{n}: {error}"),
            }
        }
    }
}

fn a_timeout_is_tried_again(pool: &impl Executor) {
    let (left, gate) = (Semaphore::new(2).unwrap(), Gate::new());
    let task = |left: Semaphore, gate: Gate| if left.try_acquire() { gate.stay() } else { true };
    let call = pool.call(task).retry(Retry::on_timeout(2));
    assert!(call.timeout(LONG).apply((left.clone(), gate.clone())).unwrap());
    assert_eq!(left.value(), 0);
}

fn timeouts_are_counted(pool: &impl Executor) {
    let gate = Gate::new();
    let call = pool.call(stay).timeout(LONG).retry(Retry::on_timeout(1));
    assert!(call.apply((gate.clone(),)).unwrap_err().is_timed_out());
    gate.await_task();
    gate.await_task();
    assert_eq!(gate.arrived(), 0);
}

fn workers_are_not_lost_to_timeouts(pool: &impl Executor) {
    let gate = Gate::new();
    let call = pool.call(stay).timeout(SHORT);
    let tasks: Vec<_> = (0..20).map(|_| call.submit((gate.clone(),))).collect();
    let after = pool.map_async(double, 0..100);
    assert!(tasks.into_iter().all(|task| task.get().unwrap_err().is_timed_out()));
    assert_eq!(after.get().unwrap().len(), 100);
}

/// With one worker, the order in which tasks begin can be seen.
fn orders(pool: &impl Executor) {
    let (gate, order) = (Gate::new(), sync_primitives::Value::new([0_u32; 11]).unwrap());
    let busy = pool.submit(stay, (gate.clone(),));
    gate.await_task();
    let note = |n: u32, order: sync_primitives::Value<[u32; 11]>| {
        order
            .update(|order| {
                order[10] += 1;
                order[order[10] as usize - 1] = n;
            })
            .unwrap();
    };
    let send = |n, priority| pool.call(note).priority(priority).submit((n, order.clone()));
    let priorities = [0, 5, -1, 5, i32::MAX, 0, i32::MIN, -1, 5, 0];
    let tasks: Vec<_> = (0..).zip(priorities).map(|(n, priority)| send(n, priority)).collect();
    gate.open();
    tasks.into_iter().for_each(|task| task.get().unwrap());
    busy.get().unwrap();
    assert_eq!(order.get().unwrap()[..10], [4, 1, 3, 8, 0, 5, 9, 2, 7, 6]);
}

#[test]
fn higher_priorities_go_first_in_threads() {
    in_time(|| orders(&ThreadPool::with_workers(1).unwrap()));
}
