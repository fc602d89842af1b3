//! A handle is a future, for any runtime.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use procspawn_core::{JoinError, JoinHandle, Process, StartError, StartMethod, active_children};

use crate::support::{
    Living, PATIENCE, descriptors, each_method, fork_unchecked, live_on, live_until, only, run,
    start,
};

each_method! {
    awaiting_gives_the_value,
    awaiting_gives_every_kind_of_error,
    many_are_awaited_at_once,
    a_future_that_is_dropped_detaches_the_child,
    a_future_that_is_polled_often_holds_few_descriptors,
    a_future_of_a_child_that_has_ended_is_ready_at_once,
    a_future_moves_to_another_task,
    a_future_that_is_done_can_tell_how_the_child_ended,
}

only! { Fork:
    waiting_for_a_future_starts_a_thread_and_so_prevents_forks,
    a_forked_child_that_drops_a_future_does_not_put_its_parent_to_sleep,
}

/// Wakes the thread that waits, and counts.
struct Unpark(Thread, AtomicUsize);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.unpark();
    }
}

fn waker() -> Arc<Unpark> {
    Arc::new(Unpark(std::thread::current(), AtomicUsize::new(0)))
}

/// The smallest runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(waker());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        std::thread::park_timeout(PATIENCE);
    }
}

fn awaiting_gives_the_value(method: StartMethod) {
    let first = start(method, |x: u32| x + 1, (1,));
    let second = start(method, |x: u32| x + 1, (2,));
    let sum = block_on(async { first.await.unwrap() + second.await.unwrap() });
    assert_eq!(sum, 5);
}

fn awaiting_gives_every_kind_of_error(method: StartMethod) {
    let panics = start(method, || -> u8 { panic!("on purpose") }, ());
    let exits = start(method, || -> u8 { std::process::exit(300) }, ());
    let killed = start(method, live_on, ());
    killed.kill().unwrap();
    assert!(matches!(block_on(panics), Err(JoinError::Panicked { .. })));
    assert!(matches!(block_on(exits), Err(JoinError::Exited(300))));
    assert!(matches!(block_on(killed), Err(JoinError::Signaled { signal: libc::SIGKILL, .. })));
}

/// All results of futures that run at once, in order.
struct All<R>(Vec<Result<JoinHandle<R>, Result<R, JoinError>>>);

impl<R: serde::de::DeserializeOwned> Future for All<R> {
    type Output = Vec<Result<R, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        for slot in &mut self.0 {
            if let Ok(child) = slot
                && let Poll::Ready(result) = Pin::new(child).poll(context)
            {
                *slot = Err(result);
            }
        }
        if self.0.iter().any(Result::is_ok) {
            return Poll::Pending;
        }
        let done = std::mem::take(&mut self.0);
        Poll::Ready(done.into_iter().filter_map(Result::err).collect())
    }
}

impl<R> Unpin for All<R> {}

fn many_are_awaited_at_once(method: StartMethod) {
    let children = (0..20).map(|x: u32| Ok(start(method, |x: u32| 2 * x, (x,)))).collect();
    let results = block_on(All(children));
    let values: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(values, (0..20).map(|x| 2 * x).collect::<Vec<_>>());
}

fn a_future_that_is_dropped_detaches_the_child(method: StartMethod) {
    let living = Living::start(method);
    let known = living.handle.child().clone();
    let mut pending = living.handle;
    let waker = waker();
    let context = &mut Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut pending).poll(context).is_pending());
    let owned = Waker::from(waker);
    assert!(Pin::new(&mut pending).poll(&mut Context::from_waker(&owned)).is_pending());
    drop(pending);
    assert!(known.is_alive());
    known.kill().unwrap();
    assert_eq!(known.wait().signal(), Some(libc::SIGKILL));
    assert!(active_children().is_empty());
}

fn a_future_that_is_polled_often_holds_few_descriptors(method: StartMethod) {
    let mut living = Living::start(method);
    let before = descriptors().len();
    for _ in 0..1000 {
        let waker = Waker::from(waker());
        let context = &mut Context::from_waker(&waker);
        assert!(Pin::new(&mut living.handle).poll(context).is_pending());
    }
    let more = descriptors().len() - before;
    living.handle.kill().unwrap();
    let result = block_on(living.handle);
    assert!(result.is_err());
    assert!(more <= 4, "{more} descriptors were opened by a thousand polls");
}

fn a_future_of_a_child_that_has_ended_is_ready_at_once(method: StartMethod) {
    let mut child = start(method, || 5, ());
    ipc_pipe::wait(&[child.sentinel()], Some(PATIENCE)).unwrap();
    let context = &mut Context::from_waker(Waker::noop());
    let Poll::Ready(result) = Pin::new(&mut child).poll(context) else { panic!("not ready") };
    assert_eq!(result.unwrap(), 5);
}

fn a_future_moves_to_another_task(method: StartMethod) {
    let mut living = Living::start(method);
    let first = waker();
    let context = &mut Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut living.handle).poll(context).is_pending());
    let forgotten = Waker::from(first.clone());
    assert!(Pin::new(&mut living.handle).poll(&mut Context::from_waker(&forgotten)).is_pending());
    // The last waker is the one that counts.
    living.handle.kill().unwrap();
    assert!(block_on(living.handle).is_err());
}

fn a_future_that_is_done_can_tell_how_the_child_ended(method: StartMethod) {
    let mut child = start(method, || 5, ());
    assert_eq!(block_on(&mut child).unwrap(), 5);
    assert!(child.exit_status().unwrap().success());
    assert!(matches!(block_on(child), Err(JoinError::AlreadyJoined)));
}

fn waiting_for_a_future_starts_a_thread_and_so_prevents_forks(_: StartMethod) {
    let mut living = Living::start(StartMethod::Fork);
    let context = &mut Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut living.handle).poll(context).is_pending());
    let result = Process::new(|| (), ()).start_method(StartMethod::Fork).start();
    assert!(matches!(result, Err(StartError::Threads(2))), "{result:?}");
    run(StartMethod::Spawn, || (), ());
    living.end().unwrap();
}

fn a_forked_child_that_drops_a_future_does_not_put_its_parent_to_sleep(_: StartMethod) {
    let (receiver, mut gate) = ipc_pipe::pipe::<()>().unwrap();
    let (_ready, sender) = ipc_pipe::pipe::<()>().unwrap();
    let pending = start(StartMethod::Fork, live_until, (receiver, sender));
    let pending = Arc::new(Mutex::new(pending));
    let inner = waker();
    let poll = |waker: &Arc<Unpark>| {
        let waker = Waker::from(waker.clone());
        Pin::new(&mut *pending.lock().unwrap()).poll(&mut Context::from_waker(&waker))
    };
    assert!(poll(&inner).is_pending());

    // The child drops its copy of the future's registration, the only owner there.
    let copy = Arc::downgrade(&pending);
    let forked = fork_unchecked(Process::from_closure(move || {
        let copy = copy.upgrade().unwrap();
        // Put another in its place, so that it is dropped while the parent keeps its own.
        let other = start_beside_threads();
        drop(std::mem::replace(&mut *copy.lock().unwrap(), other));
    }));
    forked.unwrap().join().unwrap();

    gate.send(&()).unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while inner.1.load(Ordering::Relaxed) == 0 {
        assert!(std::time::Instant::now() < deadline, "it is never woken");
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    assert!(poll(&inner).is_ready());
}

fn start_beside_threads() -> JoinHandle<()> {
    fork_unchecked(Process::new(|| (), ())).unwrap()
}
