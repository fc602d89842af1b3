//! Tasks that nobody wants any more.

use pool::{Executor, Handle, Running, TaskState};

use crate::support::{Gate, PATIENCE, double, each_concurrent, each_executor, pass, stay};

each_executor! {
    what_has_ended_cannot_be_cancelled,
}

each_concurrent! {
    a_queued_task_never_begins,
    one_of_many_queued_tasks_is_cancelled,
    a_running_task_ends_at_once,
    a_running_task_is_asked,
    a_running_task_is_left_alone,
    a_cancelled_task_wakes_who_waits,
    cancelled_twice,
    a_job_is_cancelled_as_a_whole,
    the_rest_of_the_pool_goes_on,
    cancelled_while_it_ends,
}

/// Keeps all workers busy until the gate opens.
fn occupy(pool: &impl Executor, gate: &Gate) -> Vec<Handle<bool>> {
    let tasks: Vec<_> = (0..pool.workers()).map(|_| pool.submit(stay, (gate.clone(),))).collect();
    tasks.iter().for_each(|_| gate.await_task());
    tasks
}

fn release(gate: &Gate, tasks: Vec<Handle<bool>>) {
    gate.open();
    for task in tasks {
        assert!(!task.get().unwrap(), "a task was asked to stop that nobody cancelled");
    }
}

fn what_has_ended_cannot_be_cancelled(pool: &impl Executor) {
    let task = pool.submit(double, (1,));
    task.wait();
    for running in [Running::Kill, Running::Ask, Running::Leave] {
        assert!(!task.cancel_with(running));
    }
    assert_eq!(task.get().unwrap(), 2);
    let job = pool.map_async(double, 0..10);
    job.wait();
    assert!(!job.cancel());
    assert_eq!(job.get().unwrap().len(), 10);
}

fn a_queued_task_never_begins(pool: &impl Executor) {
    let (gate, never) = (Gate::new(), Gate::new());
    let busy = occupy(pool, &gate);
    for running in [Running::Kill, Running::Ask, Running::Leave] {
        let queued = pool.submit(pass, (never.clone(), 1));
        assert_eq!(queued.state(), TaskState::Queued);
        assert!(queued.cancel_with(running));
        assert_eq!(queued.state(), TaskState::Done);
        assert_eq!(queued.successful(), Some(false));
        assert!(queued.get().unwrap_err().is_cancelled());
    }
    release(&gate, busy);
    assert_eq!(pool.map(double, 0..50).unwrap().len(), 50);
    assert_eq!(never.arrived(), 0);
}

fn one_of_many_queued_tasks_is_cancelled(pool: &impl Executor) {
    let gate = Gate::new();
    let busy = occupy(pool, &gate);
    let queued: Vec<_> = (0..50).map(|x| pool.submit(double, (x,))).collect();
    for task in queued.iter().skip(1).step_by(2) {
        assert!(task.cancel());
    }
    release(&gate, busy);
    for (x, task) in (0..).zip(queued) {
        match task.get() {
            Ok(value) => assert!(x % 2 == 0 && value == 2 * x),
            Err(error) => assert!(x % 2 == 1 && error.is_cancelled()),
        }
    }
}

fn a_running_task_ends_at_once(pool: &impl Executor) {
    for _ in 0..5 {
        let gate = Gate::new();
        let task = pool.submit(stay, (gate.clone(),));
        gate.await_task();
        assert!(task.cancel());
        assert!(task.get().unwrap_err().is_cancelled());
    }
    assert_eq!(pool.map(double, 0..50).unwrap().len(), 50);
}

fn a_running_task_is_asked(pool: &impl Executor) {
    let gate = Gate::new();
    let task = pool.submit(stay, (gate.clone(),));
    gate.await_task();
    assert!(!task.cancel_with(Running::Ask));
    assert!(task.get().unwrap(), "it was asked to stop, and its value counts");
}

fn a_running_task_is_left_alone(pool: &impl Executor) {
    let gate = Gate::new();
    let task = pool.submit(stay, (gate.clone(),));
    gate.await_task();
    assert!(!task.cancel_with(Running::Leave));
    assert_eq!(task.state(), TaskState::Running);
    gate.open();
    assert!(!task.get().unwrap());
}

fn a_cancelled_task_wakes_who_waits(pool: &(impl Executor + Sync)) {
    let gate = Gate::new();
    let task = pool.submit(stay, (gate.clone(),));
    gate.await_task();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| task.wait_timeout(PATIENCE));
        assert!(task.cancel());
        assert!(waiter.join().unwrap());
    });
}

fn cancelled_twice(pool: &impl Executor) {
    let gate = Gate::new();
    let task = pool.submit(stay, (gate.clone(),));
    gate.await_task();
    assert!(task.cancel());
    task.wait();
    assert!(!task.cancel());
    assert!(task.get().unwrap_err().is_cancelled());
}

fn a_job_is_cancelled_as_a_whole(pool: &impl Executor) {
    let gate = Gate::new();
    let job = pool.call(stay).chunk_size(1).map_async((0..100).map(|_| gate.clone()));
    (0..pool.workers()).for_each(|_| gate.await_task());
    assert!(job.cancel());
    let each = job.get_each();
    assert_eq!(each.len(), 100);
    assert!(each.iter().all(|result| result.as_ref().unwrap_err().is_cancelled()));
    assert_eq!(pool.map(double, 0..50).unwrap().len(), 50);
    assert_eq!(gate.arrived(), 0, "calls have begun that were cancelled");
}

/// Not for processes, where calls with descriptors are tasks of their own.
mod the_rest_of_a_chunk_is_cancelled {
    crate::support::one_test! { threads the_rest_of_a_chunk_is_cancelled }
}

fn the_rest_of_a_chunk_is_cancelled(pool: &impl Executor) {
    let (open, shut) = (Gate::new(), Gate::new());
    open.open();
    let calls = (0..10).map(|n| (if n == 0 { open.clone() } else { shut.clone() }, n));
    let job = pool.call(pass).chunk_size(10).starmap_async(calls);
    let progress = job.progress();
    shut.await_task();
    assert!(job.cancel());
    let each = job.get_each();
    assert_eq!(*each[0].as_ref().unwrap(), 0, "what had ended before counts");
    assert!(each[1..].iter().all(|result| result.as_ref().unwrap_err().is_cancelled()));
    assert_eq!((progress.done(), progress.failed()), (10, 9));
    assert_eq!(shut.arrived(), 0);
    // Where it goes on nobody waits for it.
    shut.open();
}

fn the_rest_of_the_pool_goes_on(pool: &impl Executor) {
    let (cancelled, kept) = (Gate::new(), Gate::new());
    let victim = pool.submit(stay, (cancelled.clone(),));
    let other = pool.submit(pass, (kept.clone(), 1));
    cancelled.await_task();
    kept.await_task();
    let queued = pool.map_async(double, 0..100);
    assert!(victim.cancel());
    assert_eq!(queued.get().unwrap().len(), 100);
    kept.open();
    assert_eq!(other.get().unwrap(), 1);
    assert!(victim.get().unwrap_err().is_cancelled());
}

/// Whoever comes first, there is one outcome, and what `cancel` says is true.
fn cancelled_while_it_ends(pool: &impl Executor) {
    for x in 0..200 {
        let task = pool.submit(double, (x,));
        if x % 3 == 0 {
            std::thread::yield_now();
        }
        let cancelled = task.cancel();
        match task.get() {
            Ok(value) => assert!(value == 2 * x && !cancelled),
            Err(error) => assert!(error.is_cancelled() && cancelled, "{error}"),
        }
        let job = pool.call(double).chunk_size(3).map_async(0..20);
        let progress = job.progress();
        job.cancel();
        for (place, result) in (0..).zip(job.get_each()) {
            match result {
                Ok(value) => assert_eq!(value, 2 * place),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
        assert_eq!(progress.done(), 20);
    }
}
