//! Waiting: with a limit, for one of many, as a future.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use pool::{Executor, TaskError, Until, Waitable, as_completed, wait};

use crate::support::{Gate, MOMENT, PATIENCE, double, each_concurrent, each_executor, fail, pass};

each_executor! {
    wait_for_all_of_them,
    wait_for_none,
    some_have_ended_already,
    the_same_handle_twice,
    as_completed_gives_all,
    as_completed_of_none,
    a_handle_is_a_future,
    a_map_handle_is_a_future,
    a_limit_beyond_the_clock,
}

each_concurrent! {
    a_timeout_and_then_the_value,
    a_timeout_of_a_job_and_then_its_values,
    first_ends_the_wait,
    first_error_ends_the_wait,
    first_error_without_an_error_is_all,
    a_wait_gives_up,
    waiting_often_for_a_short_time,
    as_completed_gives_who_ends_first,
    as_completed_gives_up_and_goes_on,
    a_future_is_woken,
    a_future_that_is_polled_elsewhere,
}

fn wait_for_all_of_them(pool: &impl Executor) {
    let (one, two) = (pool.submit(double, (1,)), pool.submit(fail, ()));
    let many = pool.map_async(double, 0..50);
    assert_eq!(wait(&[&one, &many, &two], Until::All, None), [0, 1, 2]);
    assert_eq!(one.get().unwrap(), 2);
    assert_eq!(many.get().unwrap().len(), 50);
}

fn wait_for_none(_pool: &impl Executor) {
    for until in [Until::First, Until::FirstError, Until::All] {
        assert!(wait(&[], until, None).is_empty());
    }
}

fn some_have_ended_already(pool: &impl Executor) {
    let mut one = pool.submit(double, (1,));
    one.wait();
    let bad = pool.submit(fail, ());
    bad.wait();
    assert_eq!(wait(&[&one], Until::First, None), [0]);
    assert_eq!(wait(&[&one, &bad], Until::FirstError, None), [0, 1]);
    assert_eq!(wait(&[&bad], Until::All, Some(Duration::ZERO)), [0]);
    // One whose value has been taken has ended, too.
    one.try_get().unwrap().unwrap();
    assert_eq!(wait(&[&one], Until::All, None), [0]);
}

fn the_same_handle_twice(pool: &impl Executor) {
    let one = pool.submit(double, (1,));
    let twice: [&dyn Waitable; 2] = [&one, &one];
    assert_eq!(wait(&twice, Until::All, None), [0, 1]);
    assert_eq!(wait(&twice, Until::First, None), [0, 1]);
}

fn as_completed_gives_all(pool: &impl Executor) {
    let mut handles = as_completed((0..50).map(|x| pool.submit(double, (x,))));
    assert_eq!(handles.len(), 50);
    let mut values: Vec<u32> = handles.by_ref().map(|handle| handle.get().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, (0..50).map(double).collect::<Vec<_>>());
    assert!(handles.next().is_none() && handles.next_timeout(MOMENT).is_none());
}

fn as_completed_of_none(_pool: &impl Executor) {
    assert_eq!(as_completed::<u32>([]).count(), 0);
    assert!(as_completed::<u32>([]).next_timeout(PATIENCE).is_none());
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest of all runtimes.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park_timeout(PATIENCE),
        }
    }
}

fn a_handle_is_a_future(pool: &impl Executor) {
    assert_eq!(block_on(pool.submit(double, (4,))).unwrap(), 8);
    assert!(block_on(pool.submit(fail, ())).unwrap_err().is_panicked());
    assert_eq!(block_on(pool.submit(double, (4,)).then(|value| value.unwrap())).unwrap(), 8);
    let task = pool.submit(double, (4,));
    task.wait();
    assert_eq!(block_on(async { task.await.unwrap() + 1 }), 9);
}

fn a_map_handle_is_a_future(pool: &impl Executor) {
    let expected: Vec<u32> = (0..20).map(double).collect();
    assert_eq!(block_on(pool.map_async(double, 0..20)).unwrap(), expected);
    assert!(block_on(pool.map_async(double, [])).unwrap().is_empty());
}

fn a_limit_beyond_the_clock(pool: &impl Executor) {
    let mut task = pool.submit(double, (1,));
    assert!(task.wait_timeout(Duration::MAX));
    assert_eq!(task.get_timeout(Duration::MAX).unwrap().unwrap(), 2);
    let mut job = pool.map_async(double, 0..3);
    assert_eq!(wait(&[&job], Until::All, Some(Duration::MAX)), [0]);
    assert_eq!(job.get_timeout(Duration::MAX).unwrap().unwrap().len(), 3);
}

fn a_timeout_and_then_the_value(pool: &impl Executor) {
    let gate = Gate::new();
    let mut task = pool.submit(pass, (gate.clone(), 5));
    assert!(task.get_timeout(MOMENT).is_none());
    assert!(task.get_deadline(std::time::Instant::now()).is_none());
    assert!(task.try_get().is_none());
    assert!(!task.wait_timeout(Duration::ZERO));
    gate.open();
    assert_eq!(task.get_timeout(PATIENCE).unwrap().unwrap(), 5);
    assert!(matches!(task.get_timeout(PATIENCE), Some(Err(TaskError::Taken))));
}

fn a_timeout_of_a_job_and_then_its_values(pool: &impl Executor) {
    let gate = Gate::new();
    let mut job = pool.starmap_async(pass, (0..5).map(|n| (gate.clone(), n)));
    assert!(job.get_timeout(MOMENT).is_none());
    assert!(job.try_get().is_none() && !job.wait_timeout(Duration::ZERO) && !job.ready());
    gate.open();
    assert_eq!(job.get().unwrap(), [0, 1, 2, 3, 4]);
}

fn first_ends_the_wait(pool: &impl Executor) {
    let (shut, open) = (Gate::new(), Gate::new());
    open.open();
    let slow = pool.submit(pass, (shut.clone(), 0));
    let quick = pool.submit(pass, (open, 1));
    assert_eq!(wait(&[&slow, &quick], Until::First, Some(PATIENCE)), [1]);
    shut.open();
    assert_eq!(wait(&[&slow, &quick], Until::All, None), [0, 1]);
}

fn first_error_ends_the_wait(pool: &impl Executor) {
    let gate = Gate::new();
    let slow = pool.submit(pass, (gate.clone(), 0));
    let (good, bad) = (pool.submit(double, (1,)), pool.submit(fail, ()));
    let ended = wait(&[&slow, &bad], Until::FirstError, Some(PATIENCE));
    assert_eq!(ended, [1]);
    good.wait();
    assert_eq!(wait(&[&good, &slow, &bad], Until::FirstError, None), [0, 2]);
    gate.open();
    assert_eq!(slow.get().unwrap(), 0);
}

fn first_error_without_an_error_is_all(pool: &impl Executor) {
    let gate = Gate::new();
    let slow = pool.submit(pass, (gate.clone(), 0));
    let good = pool.submit(double, (1,));
    assert!(!wait(&[&slow, &good], Until::FirstError, Some(MOMENT)).contains(&0));
    gate.open();
    assert_eq!(wait(&[&slow, &good], Until::FirstError, None), [0, 1]);
}

fn a_wait_gives_up(pool: &impl Executor) {
    let gate = Gate::new();
    let slow = pool.submit(pass, (gate.clone(), 0));
    let good = pool.submit(double, (1,));
    good.wait();
    for until in [Until::First, Until::FirstError, Until::All] {
        assert!(wait(&[&slow], until, Some(MOMENT)).is_empty());
    }
    assert_eq!(wait(&[&slow, &good], Until::All, Some(MOMENT)), [1]);
    gate.open();
    slow.get().unwrap();
}

fn waiting_often_for_a_short_time(pool: &impl Executor) {
    let gate = Gate::new();
    let slow = pool.submit(pass, (gate.clone(), 0));
    for _ in 0..10_000 {
        assert!(wait(&[&slow], Until::First, Some(Duration::ZERO)).is_empty());
    }
    gate.open();
    assert_eq!(wait(&[&slow], Until::First, None), [0]);
}

fn as_completed_gives_who_ends_first(pool: &impl Executor) {
    let (shut, open) = (Gate::new(), Gate::new());
    open.open();
    let slow = pool.submit(pass, (shut.clone(), 0));
    let done = pool.submit(pass, (open.clone(), 1));
    done.wait();
    let mut handles = as_completed([slow, pool.submit(pass, (open, 2)), done]);
    let mut first = [0, 1].map(|_| handles.next().unwrap().get().unwrap());
    first.sort_unstable();
    assert_eq!(first, [1, 2]);
    shut.open();
    assert_eq!(handles.next().unwrap().get().unwrap(), 0);
    assert!(handles.next().is_none());
}

fn as_completed_gives_up_and_goes_on(pool: &impl Executor) {
    let gate = Gate::new();
    let mut handles = as_completed([pool.submit(pass, (gate.clone(), 3))]);
    assert!(matches!(handles.next_timeout(MOMENT), Some(None)));
    assert_eq!(handles.len(), 1);
    gate.open();
    assert_eq!(handles.next_timeout(PATIENCE).unwrap().unwrap().get().unwrap(), 3);
    assert!(handles.next_timeout(MOMENT).is_none());
}

fn a_future_is_woken(pool: &impl Executor) {
    let gate = Gate::new();
    let task = pool.submit(pass, (gate.clone(), 6));
    let job = pool.starmap_async(pass, [(gate.clone(), 7)]);
    let opener = thread::spawn(move || {
        gate.await_task();
        gate.await_task();
        gate.open();
    });
    assert_eq!(block_on(async { (task.await.unwrap(), job.await.unwrap()) }), (6, vec![7]));
    opener.join().unwrap();
}

/// The last waker is the one that is woken.
fn a_future_that_is_polled_elsewhere(pool: &impl Executor) {
    let gate = Gate::new();
    let mut task = pin!(pool.submit(pass, (gate.clone(), 6)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut context).is_pending());
    gate.open();
    assert_eq!(block_on(task).unwrap(), 6);
}
