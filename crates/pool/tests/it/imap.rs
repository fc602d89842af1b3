//! Iterators over the values of a job while it runs.

use std::cell::Cell;
use std::collections::BTreeSet;

use pool::Executor;

use crate::support::{
    Gate, MOMENT, PATIENCE, dislike_seven, double, each_concurrent, each_executor, pass,
};

each_executor! {
    imap_keeps_the_order,
    imap_unordered_gives_all,
    both_end_and_stay_ended,
    a_failing_call_is_an_error_at_its_place,
    unordered_tells_of_a_failing_call,
    an_endless_iterator_is_taken_as_far_as_the_window,
    the_window_may_be_one,
    bytes_limit_the_window,
    progress_goes_along,
    dropping_an_iterator_ends_the_job,
    next_timeout_ends_as_next_does,
}

each_concurrent! {
    values_come_while_others_run,
    unordered_gives_who_comes_first,
    next_timeout_gives_up_and_goes_on,
    nothing_is_taken_while_nobody_takes_values,
    what_has_not_begun_is_cancelled_by_a_drop,
}

fn imap_keeps_the_order(pool: &impl Executor) {
    let expected: Vec<u32> = (0..1000).map(double).collect();
    let values = pool.imap(double, 0..1000).map(Result::unwrap);
    assert_eq!(values.collect::<Vec<_>>(), expected);
    for chunk in [1, 7, 100, 2000] {
        let values = pool.call(double).chunk_size(chunk).imap(0..1000).map(Result::unwrap);
        assert_eq!(values.collect::<Vec<_>>(), expected, "{chunk}");
    }
}

fn imap_unordered_gives_all(pool: &impl Executor) {
    let expected: BTreeSet<u32> = (0..1000).map(double).collect();
    for chunk in [1, 7, 100, 2000] {
        let values = pool.call(double).chunk_size(chunk).imap_unordered(0..1000);
        let values: Vec<u32> = values.map(Result::unwrap).collect();
        assert_eq!(values.len(), 1000);
        assert_eq!(values.into_iter().collect::<BTreeSet<_>>(), expected, "{chunk}");
    }
}

fn both_end_and_stay_ended(pool: &impl Executor) {
    let (mut ordered, mut unordered) = (pool.imap(double, 0..2), pool.imap_unordered(double, 0..2));
    assert_eq!((&mut ordered).count(), 2);
    assert_eq!((&mut unordered).count(), 2);
    for _ in 0..3 {
        assert!(ordered.next().is_none() && unordered.next().is_none());
        assert!(ordered.next_timeout(MOMENT).is_none());
    }
}

fn a_failing_call_is_an_error_at_its_place(pool: &impl Executor) {
    for chunk in [1, 3, 100] {
        let results = pool.call(dislike_seven).chunk_size(chunk).imap(0..20);
        for (x, result) in (0..).zip(results) {
            match result {
                Ok(value) => assert_eq!(value, x),
                Err(error) => assert!(x == 7 && error.is_panicked()),
            }
        }
    }
}

fn unordered_tells_of_a_failing_call(pool: &impl Executor) {
    let results = pool.imap_unordered(dislike_seven, 0..20);
    let (good, bad): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (19, 1));
}

fn an_endless_iterator_is_taken_as_far_as_the_window(pool: &impl Executor) {
    let taken = Cell::new(0);
    let numbers = || (0..).inspect(|n| taken.set(n + 1));
    let mut values = pool.call(double).window(10).imap(numbers());
    for n in 0..100 {
        assert_eq!(values.next().unwrap().unwrap(), 2 * n);
        assert!(taken.get() <= n + 10, "{} taken while {n} is out", taken.get());
    }
    taken.set(0);
    let mut values = pool.call(double).window(10).imap_unordered(numbers());
    for n in 0..100 {
        values.next().unwrap().unwrap();
        assert!(taken.get() <= n + 10, "{} taken while {n} are out", taken.get());
    }
}

fn the_window_may_be_one(pool: &impl Executor) {
    let values = pool.call(double).window(1).imap(0..50).map(Result::unwrap);
    assert_eq!(values.collect::<Vec<_>>(), (0..50).map(double).collect::<Vec<_>>());
    assert_eq!(pool.call(double).window(1).chunk_size(10).imap_unordered(0..50).count(), 50);
    assert_eq!(pool.call(double).window(1).map(0..50).unwrap().len(), 50);
}

fn bytes_limit_the_window(pool: &impl Executor) {
    let long = |x: u32| vec![x; 1000];
    let values = pool.call(long).window_bytes(1).imap(0..50);
    for (x, value) in (0..).zip(values) {
        assert_eq!(value.unwrap(), vec![x; 1000]);
    }
}

fn progress_goes_along(pool: &impl Executor) {
    let mut values = pool.imap(dislike_seven, 0..20);
    let progress = values.progress();
    assert_eq!(progress.submitted(), 0);
    assert_eq!((&mut values).count(), 20);
    assert_eq!((progress.submitted(), progress.done(), progress.failed()), (20, 20, 1));
}

fn dropping_an_iterator_ends_the_job(pool: &impl Executor) {
    for _ in 0..10 {
        let mut values = pool.imap(double, 0..);
        assert_eq!(values.next().unwrap().unwrap(), 0);
        drop(values);
        drop(pool.imap_unordered(double, 0..));
    }
    assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
}

fn next_timeout_ends_as_next_does(pool: &impl Executor) {
    let mut values = pool.imap_unordered(double, 0..3);
    let mut seen = 0;
    while let Some(next) = values.next_timeout(PATIENCE) {
        next.expect("it does not take that long").unwrap();
        seen += 1;
    }
    assert_eq!(seen, 3);
}

fn values_come_while_others_run(pool: &impl Executor) {
    let (open, shut) = (Gate::new(), Gate::new());
    open.open();
    let calls = [(open.clone(), 0), (open, 1), (shut.clone(), 2)];
    let mut values = pool.call(|call: (Gate, u32)| pass(call.0, call.1)).chunk_size(1).imap(calls);
    assert_eq!(values.next().unwrap().unwrap(), 0);
    assert_eq!(values.next().unwrap().unwrap(), 1);
    shut.open();
    assert_eq!(values.next().unwrap().unwrap(), 2);
    assert!(values.next().is_none());
}

fn unordered_gives_who_comes_first(pool: &impl Executor) {
    let (open, shut) = (Gate::new(), Gate::new());
    open.open();
    let calls = [(shut.clone(), 0), (open.clone(), 1), (open, 2)];
    let call = pool.call(|call: (Gate, u32)| pass(call.0, call.1)).chunk_size(1);
    let mut values = call.imap_unordered(calls);
    assert_eq!(values.next().unwrap().unwrap(), 1);
    assert_eq!(values.next().unwrap().unwrap(), 2);
    shut.open();
    assert_eq!(values.next().unwrap().unwrap(), 0);
    assert!(values.next().is_none());
}

fn next_timeout_gives_up_and_goes_on(pool: &impl Executor) {
    let gate = Gate::new();
    let call = pool.call(|call: (Gate, u32)| pass(call.0, call.1));
    let mut ordered = call.imap([(gate.clone(), 7)]);
    assert!(matches!(ordered.next_timeout(MOMENT), Some(None)));
    let mut unordered = call.imap_unordered([(gate.clone(), 8)]);
    assert!(matches!(unordered.next_timeout(MOMENT), Some(None)));
    gate.open();
    assert_eq!(ordered.next_timeout(PATIENCE).unwrap().unwrap().unwrap(), 7);
    assert_eq!(unordered.next().unwrap().unwrap(), 8);
    assert!(ordered.next_timeout(MOMENT).is_none() && unordered.next().is_none());
}

fn nothing_is_taken_while_nobody_takes_values(pool: &impl Executor) {
    let taken = Cell::new(0);
    let numbers = (0..).inspect(|n| taken.set(n + 1));
    let mut values = pool.imap(double, numbers);
    assert_eq!(taken.get(), 0, "it is taken from before the first value is asked for");
    values.next().unwrap().unwrap();
    let first = taken.get();
    assert!(first <= 100, "the default window is a few tasks for each worker, not {first}");
    // Even when all that was taken is done, nothing more is.
    while values.progress().pending() > 0 {
        std::thread::yield_now();
    }
    std::thread::sleep(MOMENT);
    assert_eq!(taken.get(), first);
}

fn what_has_not_begun_is_cancelled_by_a_drop(pool: &impl Executor) {
    let gate = Gate::new();
    let call = pool.call(|call: (Gate, u32)| pass(call.0, call.1)).chunk_size(1).window(50);
    let mut values = call.imap((0..50).map(|n| (gate.clone(), n)));
    assert!(matches!(values.next_timeout(MOMENT), Some(None)));
    let workers = pool.workers() as u32;
    (0..workers).for_each(|_| gate.await_task());
    let progress = values.progress();
    drop(values);
    gate.open();
    assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
    while progress.pending() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(gate.arrived(), 0, "calls have begun that nobody wants");
    assert_eq!(progress.failed(), u64::from(50 - workers));
}
