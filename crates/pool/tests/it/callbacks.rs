//! What is called when a task has ended.

use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use pool::{Executor, TaskError};

use crate::support::{
    Gate, PATIENCE, dislike_seven, double, each_concurrent, each_executor, fail, pass, stay,
};

each_executor! {
    a_callback_has_the_value,
    an_error_callback_has_the_error,
    each_is_called_once,
    callbacks_of_a_whole_job,
    a_callback_comes_after_the_end,
    callbacks_come_in_the_order_of_the_ends,
    a_callback_that_panics_costs_itself_only,
    a_callback_that_blocks_holds_up_callbacks_only,
    a_callback_may_use_the_pool,
    callbacks_make_chains,
    an_error_goes_along_a_chain,
    a_callback_captures,
    a_callback_is_called_without_its_handle,
}

each_concurrent! {
    a_callback_comes_as_soon_as_the_task_ends,
    a_chain_is_cancelled_at_its_task,
    a_chain_after_many_calls_is_cancelled,
    a_callback_hears_that_its_task_was_cancelled,
}

/// Two callbacks that tell what they had.
fn tellers<T: Send + 'static>(
    sender: &Sender<Result<T, String>>,
) -> (impl FnOnce(T) + Send + 'static, impl FnOnce(TaskError) + Send + 'static) {
    let (value, error) = (sender.clone(), sender.clone());
    (move |it| value.send(Ok(it)).unwrap(), move |it| error.send(Err(it.to_string())).unwrap())
}

fn a_callback_has_the_value(pool: &impl Executor) {
    let (sender, told) = mpsc::channel();
    let (callback, error_callback) = tellers(&sender);
    pool.apply_async(double, (4,), callback, error_callback).get().unwrap();
    assert_eq!(told.try_recv().unwrap(), Ok(8));
}

fn an_error_callback_has_the_error(pool: &impl Executor) {
    let (sender, told) = mpsc::channel();
    let (callback, error_callback) = tellers(&sender);
    pool.apply_async(fail, (), callback, error_callback).get().unwrap();
    assert!(told.try_recv().unwrap().unwrap_err().contains("on purpose"));
}

fn each_is_called_once(pool: &impl Executor) {
    let (sender, told) = mpsc::channel();
    let handles: Vec<_> = (0..50)
        .map(|x| {
            let (callback, error_callback) = tellers(&sender);
            pool.apply_async(dislike_seven, (x % 10,), callback, error_callback)
        })
        .collect();
    handles.into_iter().for_each(|handle| handle.get().unwrap());
    drop(sender);
    let (good, bad): (Vec<_>, Vec<_>) = told.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (45, 5));
}

fn callbacks_of_a_whole_job(pool: &impl Executor) {
    let sum = pool.map_async(double, 0..10).then(|values| values.unwrap().iter().sum::<u32>());
    assert_eq!(sum.get().unwrap(), 90);
    let failed =
        pool.map_async(dislike_seven, 0..10).then(|values| values.unwrap_err().is_panicked());
    assert!(failed.get().unwrap());
}

fn a_callback_comes_after_the_end(pool: &impl Executor) {
    let task = pool.submit(double, (1,));
    task.wait();
    assert_eq!(task.then(|value| value.unwrap() + 1).get().unwrap(), 3);
    let job = pool.map_async(double, 0..3);
    job.wait();
    assert_eq!(job.then(|values| values.unwrap().len()).get().unwrap(), 3);
}

fn callbacks_come_in_the_order_of_the_ends(pool: &impl Executor) {
    let (sender, told) = mpsc::channel();
    let mut last = None;
    for x in 0..20 {
        let task = pool.submit(double, (x,));
        task.wait();
        let sender = sender.clone();
        last = Some(task.then(move |value| sender.send(value.unwrap()).unwrap()));
    }
    last.unwrap().get().unwrap();
    assert_eq!(told.try_iter().collect::<Vec<_>>(), (0..20).map(double).collect::<Vec<_>>());
}

fn a_callback_that_panics_costs_itself_only(pool: &impl Executor) {
    let panicking = pool.submit(double, (1,)).then(|_| fail());
    let other = pool.submit(double, (2,)).then(|value| value.unwrap());
    let error = panicking.get().unwrap_err();
    assert!(error.is_panicked() && error.to_string().contains("on purpose"), "{error}");
    assert_eq!(other.get().unwrap(), 4);
    let of_many = pool.map_async(double, 0..3).then(|_| fail());
    assert!(of_many.get().unwrap_err().is_panicked());
    assert_eq!(pool.map(double, 0..3).unwrap(), [0, 2, 4]);
}

fn a_callback_that_blocks_holds_up_callbacks_only(pool: &impl Executor) {
    let (go_on, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let blocked = pool.submit(double, (1,)).then(move |_| {
        begun.send(()).unwrap();
        wait.recv_timeout(PATIENCE).is_ok()
    });
    if let Err(error) = begins.recv_timeout(PATIENCE) {
        panic!("the callback does not begin: {error}");
    }
    let after = pool.submit(double, (2,)).then(|value| value.unwrap());
    assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
    assert_eq!(pool.imap(double, 0..100).count(), 100);
    assert!(!blocked.ready() && !after.ready());
    go_on.send(()).unwrap();
    assert!(blocked.get().unwrap());
    assert_eq!(after.get().unwrap(), 4);
}

fn a_callback_may_use_the_pool(pool: &impl Executor) {
    let (sender, tasks) = mpsc::channel();
    // What a callback has is its own, so that here it asks the body for the next task.
    let asked = pool.submit(double, (1,)).then(move |value| sender.send(value.unwrap()).unwrap());
    let next = pool.submit(double, (tasks.recv_timeout(PATIENCE).unwrap(),));
    let last = next.then(|value| {
        let within = pool::SerialPool::new();
        within.apply(double, (value.unwrap(),)).unwrap()
    });
    assert_eq!(last.get().unwrap(), 8);
    asked.get().unwrap();
}

fn callbacks_make_chains(pool: &impl Executor) {
    let chain = pool
        .submit(double, (1,))
        .then(|value| value.unwrap() + 1)
        .then(|value| value.unwrap().to_string())
        .then(|text| text.unwrap().len());
    assert_eq!(chain.get().unwrap(), 1);
}

fn an_error_goes_along_a_chain(pool: &impl Executor) {
    let chain = pool.submit(fail, ()).then(|value| value.unwrap()).then(|value| value.is_err());
    assert!(chain.get().unwrap());
}

fn a_callback_captures(pool: &impl Executor) {
    let mut words = vec!["one".to_string()];
    let chain = pool.submit(|| "two".to_string(), ()).then(move |word| {
        words.push(word.unwrap());
        words
    });
    assert_eq!(chain.get().unwrap(), ["one", "two"]);
}

fn a_callback_is_called_without_its_handle(pool: &impl Executor) {
    let (sender, told) = mpsc::channel();
    drop(pool.submit(double, (3,)).then(move |value| sender.send(value.unwrap()).unwrap()));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), 6);
}

fn a_callback_comes_as_soon_as_the_task_ends(pool: &impl Executor) {
    let gate = Gate::new();
    let (sender, told) = mpsc::channel();
    let task = pool.submit(pass, (gate.clone(), 5));
    let called = task.then(move |value| sender.send(value.unwrap()).unwrap());
    gate.await_task();
    assert!(told.recv_timeout(Duration::ZERO).is_err());
    gate.open();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), 5);
    called.get().unwrap();
}

fn a_chain_is_cancelled_at_its_task(pool: &impl Executor) {
    let gate = Gate::new();
    let chain = pool.submit(stay, (gate.clone(),)).then(|value| value.unwrap_err().is_cancelled());
    let chain = chain.then(|value| value);
    gate.await_task();
    assert!(chain.cancel());
    assert!(chain.get().unwrap().unwrap());
}

fn a_chain_after_many_calls_is_cancelled(pool: &impl Executor) {
    let gate = Gate::new();
    let job = pool.map_async(stay, (0..20).map(|_| gate.clone()));
    let chain = job.then(|values| values.unwrap_err().is_cancelled());
    gate.await_task();
    assert!(chain.cancel());
    assert!(chain.get().unwrap());
}

fn a_callback_hears_that_its_task_was_cancelled(pool: &impl Executor) {
    let gate = Gate::new();
    let running: Vec<_> = (0..pool.workers()).map(|_| pool.submit(stay, (gate.clone(),))).collect();
    running.iter().for_each(|_| gate.await_task());
    let queued = pool.submit(double, (1,)).then(|value| value.unwrap_err().is_cancelled());
    assert!(queued.cancel());
    assert!(queued.get().unwrap());
    gate.open();
    running.into_iter().for_each(|task| assert!(!task.get().unwrap()));
}
