//! Single calls.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pool::{Executor, SerialPool, TaskError, TaskState, ThreadPool, should_stop, worker_id};

use crate::support::{Gate, double, each_concurrent, each_executor, fail, in_time, pass};

each_executor! {
    apply_gives_the_value,
    submit_gives_it_later,
    arguments_of_all_kinds,
    a_panic_has_message_and_place,
    a_panic_that_is_no_text,
    a_panic_after_one_that_was_caught,
    a_panic_costs_only_its_task,
    the_outcome_is_ready_and_known,
    an_outcome_is_taken_once,
    handles_are_independent,
    errors_are_values,
    tasks_know_their_worker,
    progress_of_a_call,
    a_task_may_be_a_pool_of_its_own,
}

each_concurrent! {
    a_task_goes_on_without_its_handle,
    states_of_a_task,
    tasks_run_side_by_side,
    not_more_tasks_run_than_there_are_workers,
}

fn apply_gives_the_value(pool: &impl Executor) {
    assert_eq!(pool.apply(double, (21,)).unwrap(), 42);
    assert_eq!(pool.apply(|| "none".to_string(), ()).unwrap(), "none");
}

fn submit_gives_it_later(pool: &impl Executor) {
    let handles: Vec<_> = (0..50).map(|x| pool.submit(double, (x,))).collect();
    for (x, handle) in (0..).zip(handles) {
        assert_eq!(handle.get().unwrap(), 2 * x);
    }
}

fn arguments_of_all_kinds(pool: &impl Executor) {
    let join =
        |a: String, b: Vec<Option<u8>>, c: (i64, f32), d: [u16; 3]| format!("{a}{b:?}{c:?}{d:?}");
    let args = ("text".to_string(), vec![Some(1), None], (-1, 0.5), [1, 2, 3]);
    assert_eq!(pool.apply(join, args).unwrap(), "text[Some(1), None](-1, 0.5)[1, 2, 3]");
    let long = vec![7_u8; 3 << 20];
    assert_eq!(pool.apply(|long: Vec<u8>| long, (long.clone(),)).unwrap(), long);
}

fn a_panic_has_message_and_place(pool: &impl Executor) {
    let error = pool.apply(deny, ("way".to_string(),)).unwrap_err();
    assert!(error.is_panicked());
    let TaskError::Panicked { message, location, .. } = &error else { unreachable!() };
    assert_eq!(message, "no way");
    assert!(location.contains(&format!("apply.rs:{LINE}:")), "{location}");
    assert!(error.to_string().contains("no way"), "{error}");
}

fn deny(what: String) {
    panic!("no {what}");
}

/// Where `deny` panics.
const LINE: u32 = line!() - 4;

fn fail_without_text() {
    std::panic::panic_any(7_u64);
}

fn a_panic_that_is_no_text(pool: &impl Executor) {
    let error = pool.apply(fail_without_text, ()).unwrap_err();
    assert!(error.is_panicked(), "{error}");
}

/// A panic that is caught within a task must not hide the place of another one after it.
fn a_panic_after_one_that_was_caught(pool: &impl Executor) {
    match pool.apply(fail_again, ()).unwrap_err() {
        TaskError::Panicked { message, location, .. } => {
            assert_eq!(message, "outer");
            assert!(location.contains("apply.rs:"), "{location}");
        }
        other => panic!("{other}"),
    }
}

fn fail_again() {
    SerialPool::new().apply(fail, ()).unwrap_err();
    panic!("outer");
}

fn a_panic_costs_only_its_task(pool: &impl Executor) {
    for round in 0..20 {
        let bad = pool.submit(fail, ());
        let good = pool.submit(double, (round,));
        assert!(bad.get().unwrap_err().is_panicked());
        assert_eq!(good.get().unwrap(), 2 * round);
    }
}

fn the_outcome_is_ready_and_known(pool: &impl Executor) {
    let (good, bad) = (pool.submit(double, (1,)), pool.submit(fail, ()));
    good.wait();
    bad.wait();
    assert!(good.ready() && bad.ready());
    assert_eq!((good.successful(), bad.successful()), (Some(true), Some(false)));
    assert_eq!((good.state(), bad.state()), (TaskState::Done, TaskState::Done));
    assert!(good.wait_timeout(std::time::Duration::ZERO));
}

fn an_outcome_is_taken_once(pool: &impl Executor) {
    let mut handle = pool.submit(double, (4,));
    handle.wait();
    assert_eq!(handle.try_get().unwrap().unwrap(), 8);
    assert!(matches!(handle.try_get(), Some(Err(TaskError::Taken))));
    assert_eq!(handle.successful(), Some(true));
    assert!(matches!(handle.get(), Err(TaskError::Taken)));
}

fn handles_are_independent(pool: &impl Executor) {
    let (first, second) = (pool.submit(double, (1,)), pool.submit(double, (2,)));
    assert_eq!(second.get().unwrap(), 4);
    drop(first);
    assert_eq!(pool.apply(double, (3,)).unwrap(), 6);
}

fn errors_are_values(pool: &impl Executor) {
    let divide = |a: u32, b: u32| a.checked_div(b).ok_or("by zero".to_string());
    assert_eq!(pool.apply(divide, (6, 3)).unwrap(), Ok(2));
    assert_eq!(pool.apply(divide, (6, 0)).unwrap(), Err("by zero".to_string()));
}

fn tasks_know_their_worker(pool: &impl Executor) {
    assert_eq!(worker_id(), None);
    let ids = pool.map(|_: u32| worker_id(), 0..20).unwrap();
    assert!(ids.iter().all(|id| id.unwrap() < pool.workers()), "{ids:?}");
    assert!(!pool.apply(should_stop, ()).unwrap());
    assert!(!should_stop());
    assert_eq!(worker_id(), None);
}

fn progress_of_a_call(pool: &impl Executor) {
    let handle = pool.submit(fail, ());
    let progress = handle.progress();
    handle.get().unwrap_err();
    let counts = (progress.submitted(), progress.done(), progress.failed(), progress.pending());
    assert_eq!(counts, (1, 1, 1, 0));
}

fn a_task_may_be_a_pool_of_its_own(pool: &impl Executor) {
    let sum = pool.apply(
        |n: u32| {
            let inner = ThreadPool::with_workers(2).unwrap();
            inner.map(double, 0..n).unwrap().into_iter().sum::<u32>()
        },
        (10,),
    );
    assert_eq!(sum.unwrap(), 90);
}

fn a_task_goes_on_without_its_handle(pool: &impl Executor) {
    let (gate, done) = (Gate::new(), Gate::new());
    done.open();
    drop(pool.submit(
        |gate: Gate, done: Gate| {
            gate.pass();
            done.pass();
        },
        (gate.clone(), done.clone()),
    ));
    gate.await_task();
    gate.open();
    done.await_task();
}

fn states_of_a_task(pool: &impl Executor) {
    let (gate, queued) = (Gate::new(), Gate::new());
    queued.open();
    let running: Vec<_> =
        (0..pool.workers() as u32).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    running.iter().for_each(|_| gate.await_task());
    let waiting = pool.submit(pass, (queued, 7));
    assert!(running.iter().all(|task| task.state() == TaskState::Running));
    assert_eq!(waiting.state(), TaskState::Queued);
    assert!(!waiting.ready());
    assert_eq!(waiting.successful(), None);
    gate.open();
    assert_eq!(waiting.get().unwrap(), 7);
    for (n, task) in (0..).zip(running) {
        assert_eq!(task.get().unwrap(), n);
    }
}

fn tasks_run_side_by_side(pool: &impl Executor) {
    let (left, right) = (Gate::new(), Gate::new());
    // Each lets the other one through.
    let meet = |mine: Gate, other: Gate| {
        other.open();
        mine.pass();
    };
    let first = pool.submit(meet, (left.clone(), right.clone()));
    let second = pool.submit(meet, (right, left));
    first.get().unwrap();
    second.get().unwrap();
}

fn not_more_tasks_run_than_there_are_workers(pool: &impl Executor) {
    let gate = Gate::new();
    let workers = pool.workers() as u32;
    let tasks: Vec<_> = (0..3 * workers).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    (0..workers).for_each(|_| gate.await_task());
    std::thread::sleep(crate::support::MOMENT);
    assert_eq!(gate.arrived(), 0, "more tasks run than there are workers");
    gate.open();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(task.get().unwrap(), n);
    }
}

#[test]
fn closures_with_captures_run_in_threads() {
    in_time(|| {
        let pool = ThreadPool::with_workers(2).unwrap();
        let count = Arc::new(AtomicU32::new(0));
        let shared = count.clone();
        let before = pool.run(move || shared.fetch_add(5, Ordering::Relaxed));
        assert_eq!(before.get().unwrap(), 0);
        assert_eq!(count.load(Ordering::Relaxed), 5);
        // What the closure makes need not be able to leave its thread.
        assert_eq!(pool.run(|| *Rc::new(3)).get().unwrap(), 3);
        assert!(pool.run(fail).get().unwrap_err().is_panicked());
    });
}

#[test]
fn what_a_task_has_had_is_dropped_with_it() {
    in_time(|| {
        let pool = ThreadPool::with_workers(1).unwrap();
        let kept = Arc::new(());
        for _ in 0..3 {
            let capture = kept.clone();
            let handle = pool.run(move || assert_eq!(Arc::strong_count(&capture), 2));
            handle.get().unwrap();
            assert_eq!(Arc::strong_count(&kept), 1, "the worker keeps what its task captured");
        }
        let value = pool.submit(|value: Arc<u32>| value, (Arc::new(1),)).get().unwrap();
        // The worker lets go of the outcome soon after it has put it.
        let deadline = std::time::Instant::now() + crate::support::PATIENCE;
        while Arc::strong_count(&value) > 1 {
            assert!(std::time::Instant::now() < deadline, "somebody keeps the value");
            std::thread::yield_now();
        }
    });
}
