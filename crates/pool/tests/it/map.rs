//! Jobs of many calls, taken as a whole.

use pool::{Executor, TaskError};

use crate::support::{Gate, dislike_seven, double, each_concurrent, each_executor};

each_executor! {
    map_keeps_the_order,
    map_takes_chunks,
    starmap_unpacks_tuples,
    map_async_gives_all_later,
    starmap_async_unpacks_tuples,
    nothing_to_do,
    chunks_of_nothing_are_refused,
    a_window_of_nothing_is_refused,
    enormous_chunks_and_windows,
    one_failing_call_fails_itself_only,
    the_first_error_by_place_is_reported,
    all_failing,
    results_of_all_sizes,
    progress_of_many_calls,
    values_are_taken_once,
    each_of_a_handle,
    one_job_within_another,
}

each_concurrent! {
    map_waits_for_all_even_if_one_fails,
    many_threads_share_a_pool,
}

fn map_keeps_the_order(pool: &impl Executor) {
    let expected: Vec<u32> = (0..1000).map(double).collect();
    assert_eq!(pool.map(double, 0..1000).unwrap(), expected);
    assert_eq!(pool.map(double, vec![3, 1, 2]).unwrap(), [6, 2, 4]);
}

fn map_takes_chunks(pool: &impl Executor) {
    for chunk in [1, 2, 3, 7, 20, 99, 100, 101, 5000] {
        let expected: Vec<u32> = (0..100).map(double).collect();
        assert_eq!(pool.call(double).chunk_size(chunk).map(0..100).unwrap(), expected, "{chunk}");
        let later = pool.call(double).chunk_size(chunk).map_async(0..100);
        assert_eq!(later.get().unwrap(), expected, "{chunk}");
        let windowed = pool.call(double).chunk_size(chunk).window(10).map(0..100);
        assert_eq!(windowed.unwrap(), expected, "{chunk}");
    }
}

fn starmap_unpacks_tuples(pool: &impl Executor) {
    let power = |x: u64, n: u32| x.pow(n);
    let expected: Vec<u64> = (0..20).map(|n| 2_u64.pow(n)).collect();
    assert_eq!(pool.starmap(power, (0..20).map(|n| (2, n))).unwrap(), expected);
    let chunked = pool.call(power).chunk_size(3).starmap((0..20).map(|n| (2, n)));
    assert_eq!(chunked.unwrap(), expected);
}

fn map_async_gives_all_later(pool: &impl Executor) {
    let job = pool.map_async(double, 0..500);
    job.wait();
    assert!(job.ready() && job.wait_timeout(std::time::Duration::ZERO));
    assert_eq!(job.successful(), Some(true));
    assert_eq!(job.get().unwrap(), (0..500).map(double).collect::<Vec<_>>());
}

fn starmap_async_unpacks_tuples(pool: &impl Executor) {
    let add = |a: u32, b: u32| a + b;
    let job = pool.starmap_async(add, (0..50).map(|x| (x, x)));
    assert_eq!(job.get().unwrap(), (0..50).map(double).collect::<Vec<_>>());
}

fn nothing_to_do(pool: &impl Executor) {
    let none = || std::iter::empty::<u32>();
    assert_eq!(pool.map(double, none()).unwrap(), []);
    assert_eq!(pool.call(double).chunk_size(5).map(none()).unwrap(), []);
    assert_eq!(pool.map_async(double, none()).get().unwrap(), []);
    assert_eq!(pool.starmap(double, none().map(|x| (x,))).unwrap(), []);
    assert_eq!(pool.starmap_async(double, none().map(|x| (x,))).get().unwrap(), []);
    assert_eq!(pool.imap(double, none()).count(), 0);
    assert_eq!(pool.imap_unordered(double, none()).count(), 0);
    assert!(pool.call(double).map_each(none()).unwrap().is_empty());
    assert!(pool.map_async(double, none()).get_each().is_empty());
    let called = pool.map_async(double, none()).then(|result| result.unwrap().len());
    assert_eq!(called.get().unwrap(), 0);
    assert!(pool.map_async(double, none()).ready());
}

fn chunks_of_nothing_are_refused(pool: &impl Executor) {
    let call = pool.call(double).chunk_size(0);
    assert!(matches!(call.map(0..3), Err(TaskError::Invalid(_))));
    assert!(matches!(call.map_each(0..3), Err(TaskError::Invalid(_))));
    assert!(matches!(call.map_async(0..3).get(), Err(TaskError::Invalid(_))));
    let (mut ordered, mut unordered) = (call.imap(0..3), call.imap_unordered(0..3));
    assert!(matches!(ordered.next(), Some(Err(TaskError::Invalid(_)))));
    assert!(matches!(unordered.next(), Some(Err(TaskError::Invalid(_)))));
    assert!(ordered.next().is_none() && unordered.next().is_none());
}

fn a_window_of_nothing_is_refused(pool: &impl Executor) {
    for call in [pool.call(double).window(0), pool.call(double).window_bytes(0)] {
        assert!(matches!(call.map(0..3), Err(TaskError::Invalid(_))));
        assert!(matches!(call.map_async(0..3).get(), Err(TaskError::Invalid(_))));
        assert!(matches!(call.imap(0..3).next(), Some(Err(TaskError::Invalid(_)))));
        assert!(matches!(call.imap_unordered(0..3).next(), Some(Err(TaskError::Invalid(_)))));
    }
}

fn enormous_chunks_and_windows(pool: &impl Executor) {
    let expected: Vec<u32> = (0..50).map(double).collect();
    let call = pool.call(double).chunk_size(usize::MAX);
    assert_eq!(call.map(0..50).unwrap(), expected);
    assert_eq!(call.map_async(0..50).get().unwrap(), expected);
    let call = pool.call(double).window(usize::MAX).window_bytes(u64::MAX);
    assert_eq!(call.map(0..50).unwrap(), expected);
}

fn one_failing_call_fails_itself_only(pool: &impl Executor) {
    for chunk in [1, 4, 20] {
        let call = pool.call(dislike_seven).chunk_size(chunk);
        for each in [call.map_each(0..20).unwrap(), call.map_async(0..20).get_each()] {
            for (x, result) in (0..).zip(each) {
                assert_eq!(result.is_err(), x == 7);
                assert!(result.is_err() || result.unwrap() == x);
            }
        }
    }
}

fn the_first_error_by_place_is_reported(pool: &impl Executor) {
    let odd = |x: u32| assert!(x.is_multiple_of(2), "{x} is odd");
    for result in [pool.map(odd, 0..30), pool.map_async(odd, 0..30).get()] {
        assert!(result.unwrap_err().to_string().contains("1 is odd"));
    }
    let job = pool.map_async(dislike_seven, 0..8);
    job.wait();
    assert_eq!(job.successful(), Some(false));
}

fn fail_at_length(x: u32) {
    panic!("{x} {}", "long ".repeat(1000));
}

fn all_failing(pool: &impl Executor) {
    let each = pool.call(fail_at_length).chunk_size(5).map_each(0..40).unwrap();
    assert_eq!(each.len(), 40);
    assert!(each.iter().all(|result| result.as_ref().unwrap_err().is_panicked()));
}

fn results_of_all_sizes(pool: &impl Executor) {
    let sizes = [0, 1, 7, 8, 9, 100, 4095, 4096, 70_000, 1 << 20];
    let made = pool.map(|size: usize| vec![size as u8; size], sizes).unwrap();
    for (size, made) in sizes.into_iter().zip(made) {
        assert_eq!(made, vec![size as u8; size]);
    }
}

fn progress_of_many_calls(pool: &impl Executor) {
    let job = pool.call(dislike_seven).chunk_size(3).map_async(0..20);
    let progress = job.progress();
    assert_eq!(progress.submitted(), 20);
    job.wait();
    assert_eq!((progress.done(), progress.failed(), progress.pending()), (20, 1, 0));
}

fn values_are_taken_once(pool: &impl Executor) {
    let mut job = pool.map_async(double, 0..3);
    job.wait();
    assert_eq!(job.try_get().unwrap().unwrap(), [0, 2, 4]);
    assert!(matches!(job.try_get(), Some(Err(TaskError::Taken))));
    assert!(matches!(job.get(), Err(TaskError::Taken)));
}

fn each_of_a_handle(pool: &impl Executor) {
    let each = pool.map_async(dislike_seven, 5..10).get_each();
    let values: Vec<Option<u32>> = each.into_iter().map(Result::ok).collect();
    assert_eq!(values, [Some(5), Some(6), None, Some(8), Some(9)]);
}

fn one_job_within_another(pool: &impl Executor) {
    let outer = (0..20).map(|x| pool.apply(double, (x,)).unwrap());
    assert_eq!(pool.map(double, outer).unwrap(), (0..20).map(|x| 4 * x).collect::<Vec<_>>());
}

fn map_waits_for_all_even_if_one_fails(pool: &impl Executor) {
    let (gate, done) = (Gate::new(), Gate::new());
    done.open();
    let job = pool.call(|n: u32, gate: Gate, done: Gate| {
        assert!(n != 0, "the first one fails");
        gate.pass();
        done.pass();
    });
    let job = job.chunk_size(1).starmap_async((0..2).map(|n| (n, gate.clone(), done.clone())));
    gate.await_task();
    while job.progress().failed() == 0 {
        std::thread::yield_now();
    }
    assert!(!job.ready());
    assert_eq!(job.successful(), None);
    gate.open();
    assert!(job.get().unwrap_err().is_panicked());
    done.await_task();
}

fn many_threads_share_a_pool(pool: &(impl Executor + Sync)) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..20 {
                    let items = thread..thread + 50;
                    let expected: Vec<u32> = items.clone().map(double).collect();
                    assert_eq!(pool.map(double, items).unwrap(), expected);
                    assert_eq!(pool.apply(double, (round,)).unwrap(), 2 * round);
                }
            });
        }
    });
}
