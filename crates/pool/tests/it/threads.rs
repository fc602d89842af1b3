//! What is special about threads: what they share, and how their pool begins and ends.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pool::{Executor, PoolError, Retry, TaskError, ThreadPool, payload, with_state, worker_id};
use procspawn_core::{Process, StartMethod};
use serde::{Deserialize, Serialize};

use crate::support::{Gate, MOMENT, PATIENCE, double, fail, in_time, pass, stay};

fn pool_of(workers: usize) -> ThreadPool {
    ThreadPool::with_workers(workers).unwrap()
}

/// Waits until something is so.
#[track_caller]
fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "it never comes to be");
        thread::sleep(Duration::from_millis(1));
    }
}

/// How many threads have a name that begins so.
fn threads_named(prefix: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with(prefix)).count()
}

#[test]
fn a_pool_has_as_many_workers_as_it_was_made_with() {
    in_time(|| {
        assert_eq!(pool_of(3).workers(), 3);
        assert_eq!(ThreadPool::new().unwrap().workers(), procspawn_core::cpu_count());
        assert!(matches!(ThreadPool::with_workers(0), Err(PoolError::NoWorkers)));
    });
}

#[test]
fn threads_have_names() {
    in_time(|| {
        let pool = ThreadPool::builder().workers(2).name("knitter").build().unwrap();
        let name = || (worker_id().unwrap(), thread::current().name().unwrap().to_string());
        for (id, name) in pool.map(move |_: u32| name(), 0..20).unwrap() {
            assert_eq!(name, format!("knitter-{id}"));
        }
        let default = pool_of(1).apply(|| thread::current().name().unwrap().to_string(), ());
        assert_eq!(default.unwrap(), "ThreadPool-0");
    });
}

#[test]
fn values_are_moved_and_not_encoded() {
    in_time(|| {
        let pool = pool_of(1);
        let bytes = vec![1_u8; 100];
        let place = bytes.as_ptr() as usize;
        let same = pool.apply(|bytes: Vec<u8>| bytes, (bytes,)).unwrap();
        assert_eq!(same.as_ptr() as usize, place);
    });
}

#[test]
fn each_worker_has_its_state() {
    in_time(|| {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        // The state need not be able to leave its thread.
        let make = |start: u32| {
            MADE.fetch_add(1, Ordering::Relaxed);
            Rc::new(Cell::new(start))
        };
        let pool = ThreadPool::builder().workers(2).initializer(make, (10,)).build().unwrap();
        assert_eq!(MADE.load(Ordering::Relaxed), 2);
        let count = |_: u32| {
            with_state(|state: &mut Rc<Cell<u32>>| state.set(state.get() + 1)).unwrap();
            let count = with_state(|state: &mut Rc<Cell<u32>>| state.get()).unwrap();
            (worker_id().unwrap(), count)
        };
        let counts = pool.map(count, 0..100).unwrap();
        let last = |id| counts.iter().filter(|it| it.0 == id).map(|it| it.1).max().unwrap_or(10);
        assert_eq!(last(0) + last(1), 120);
        assert_eq!(pool.apply(|| with_state(|_: &mut String| ()), ()).unwrap(), None);
        assert_eq!(with_state(|_: &mut Rc<Cell<u32>>| ()), None);
    });
}

#[test]
fn states_are_dropped_with_their_workers() {
    in_time(|| {
        let kept = Arc::new(());
        let builder = ThreadPool::builder().workers(3);
        let pool = builder.initializer(|it: Arc<()>| it, (kept.clone(),)).build().unwrap();
        assert!(Arc::strong_count(&kept) >= 4);
        pool.join();
        drop(pool);
        until(|| Arc::strong_count(&kept) == 1);
    });
}

#[test]
fn an_initializer_that_panics_is_an_error_of_the_builder() {
    in_time(|| {
        let failing = |places: Arc<AtomicUsize>| {
            assert!(places.fetch_add(1, Ordering::Relaxed) != 1, "not this one");
        };
        let builder = ThreadPool::builder().workers(3).name("stillborn");
        match builder.initializer(failing, (Arc::default(),)).build() {
            Err(PoolError::Initializer(error)) => {
                assert!(error.is_panicked() && error.to_string().contains("not this one"));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(threads_named("stillborn"), 0);
    });
}

#[test]
fn a_payload_is_shared() {
    in_time(|| {
        let table = Arc::new(vec![3_u32, 4, 5]);
        let look_up = |n: usize| payload::<Vec<u32>>().unwrap()[n];
        let builder = ThreadPool::builder().workers(2).shared_payload(table.clone());
        let pool = builder.build().unwrap();
        assert_eq!(pool.map(look_up, 0..3).unwrap(), [3, 4, 5]);
        assert!(pool.apply(|| payload::<String>().is_none(), ()).unwrap());
        let place = pool.apply(|| Arc::as_ptr(&payload::<Vec<u32>>().unwrap()) as usize, ());
        assert_eq!(place.unwrap(), Arc::as_ptr(&table) as usize);
        let owned = ThreadPool::builder().workers(1).payload(vec![6_u32]).build().unwrap();
        assert_eq!(owned.apply(look_up, (0,)).unwrap(), 6);
        assert!(payload::<Vec<u32>>().is_none());
    });
}

#[test]
fn idle_workers_are_used() {
    in_time(|| {
        let pool = pool_of(3);
        let gate = Gate::new();
        let tasks: Vec<_> = (0..3).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
        (0..3).for_each(|_| gate.await_task());
        gate.open();
        tasks.into_iter().for_each(|task| assert!(task.get().is_ok()));
        let ids = pool.map(|_: u32| thread::current().name().unwrap().to_string(), 0..100);
        assert!(ids.unwrap().into_iter().collect::<HashSet<_>>().len() <= 3);
    });
}

#[test]
fn a_closed_pool_does_what_it_has_and_takes_no_more() {
    in_time(|| {
        let pool = pool_of(2);
        let gate = Gate::new();
        let tasks: Vec<_> = (0..20).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
        pool.close();
        assert!(matches!(pool.apply(double, (1,)), Err(TaskError::Closed)));
        assert!(matches!(pool.run(|| 1).get(), Err(TaskError::Closed)));
        assert!(matches!(pool.map(double, 0..10), Err(TaskError::Closed)));
        assert!(matches!(pool.imap(double, 0..10).next(), Some(Err(TaskError::Closed))));
        assert_eq!(pool.map_async(double, 0..10).get_each().len(), 10);
        gate.open();
        pool.join();
        for (n, task) in (0..).zip(tasks) {
            assert!(task.ready());
            assert_eq!(task.get().unwrap(), n);
        }
        pool.close();
        pool.join();
    });
}

#[test]
fn join_waits_for_tasks_and_threads_and_callbacks() {
    in_time(|| {
        let pool = ThreadPool::builder().workers(2).name("joiner").build().unwrap();
        let (sender, told) = mpsc::channel();
        for x in 0..20 {
            let sender = sender.clone();
            let callback = move |value: Result<u32, _>| sender.send(value.unwrap()).unwrap();
            drop(pool.submit(double, (x,)).then(callback));
        }
        let timed = pool.call(double).timeout(PATIENCE).map_async(0..10);
        pool.join();
        assert_eq!(told.try_iter().count(), 20);
        assert!(timed.ready());
        assert_eq!(threads_named("joiner"), 0);
    });
}

#[test]
fn join_gives_up() {
    in_time(|| {
        let pool = pool_of(1);
        let gate = Gate::new();
        let task = pool.submit(pass, (gate.clone(), 1));
        assert!(!pool.join_timeout(MOMENT));
        gate.open();
        assert!(pool.join_timeout(PATIENCE));
        assert!(pool.join_timeout(Duration::MAX));
        assert!(task.ready());
    });
}

#[test]
fn join_gives_up_on_a_callback() {
    in_time(|| {
        let pool = pool_of(1);
        let (go_on, wait) = mpsc::channel::<()>();
        let called = pool.run(|| ()).then(move |_| wait.recv_timeout(PATIENCE).is_ok());
        assert!(!pool.join_timeout(MOMENT));
        go_on.send(()).unwrap();
        assert!(pool.join_timeout(PATIENCE));
        assert!(called.get().unwrap());
    });
}

#[test]
fn a_callback_may_join_and_give_tasks() {
    in_time(|| {
        let pool = Arc::new(pool_of(1));
        let shared = pool.clone();
        let called = pool.run(|| 1).then(move |value| {
            let more = shared.apply(double, (value.unwrap(),)).unwrap();
            shared.join();
            more
        });
        assert_eq!(called.get().unwrap(), 2);
    });
}

#[test]
fn a_task_may_give_tasks_but_not_join() {
    in_time(|| {
        let pool = Arc::new(pool_of(2));
        let shared = pool.clone();
        assert_eq!(pool.run(move || shared.apply(double, (4,)).unwrap()).get().unwrap(), 8);
        let shared = pool.clone();
        assert!(pool.run(move || shared.join()).get().unwrap_err().is_panicked());
        assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
    });
}

#[test]
fn terminate_ends_what_waits_and_what_runs() {
    in_time(|| {
        let pool = ThreadPool::builder().workers(2).name("doomed").build().unwrap();
        let gate = Gate::new();
        let tasks: Vec<_> = (0..10_000).map(|_| pool.submit(stay, (gate.clone(),))).collect();
        (0..2).for_each(|_| gate.await_task());
        pool.terminate();
        for task in tasks {
            assert!(task.ready());
            assert!(matches!(task.get(), Err(TaskError::Terminated)));
        }
        assert!(matches!(pool.apply(double, (1,)), Err(TaskError::Terminated)));
        pool.join();
        pool.terminate();
        // They were asked to stop, and they do.
        until(|| threads_named("doomed") == 0);
        assert_eq!(gate.arrived(), 0);
    });
}

#[test]
fn a_call_that_does_not_stop_holds_up_nobody() {
    in_time(|| {
        let pool = pool_of(1);
        let gate = Gate::new();
        let deaf = pool.submit(pass, (gate.clone(), 1));
        gate.await_task();
        assert!(deaf.cancel());
        assert!(deaf.get().unwrap_err().is_cancelled());
        assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
        let deaf = pool.call(pass).timeout(Duration::from_millis(5)).submit((gate.clone(), 1));
        assert!(deaf.get().unwrap_err().is_timed_out());
        let ids = pool.map(|_: u32| worker_id().unwrap(), 0..10).unwrap();
        assert_eq!(ids, [0; 10], "the successor has the number");
        let deaf = pool.submit(pass, (gate.clone(), 1));
        gate.await_task();
        drop(pool);
        assert!(matches!(deaf.get(), Err(TaskError::Terminated)));
        gate.open();
    });
}

#[test]
fn a_late_value_is_dropped() {
    in_time(|| {
        let pool = pool_of(1);
        let kept = Arc::new(7_u32);
        let (value, gate) = (kept.clone(), Gate::new());
        let inner = gate.clone();
        let task = pool.run(move || {
            inner.pass();
            value
        });
        gate.await_task();
        assert!(task.cancel());
        assert!(task.get().unwrap_err().is_cancelled());
        gate.open();
        until(|| Arc::strong_count(&kept) == 1);
    });
}

#[test]
fn a_successor_has_a_state_of_its_own() {
    in_time(|| {
        let builder = ThreadPool::builder().workers(1);
        let pool = builder.initializer(|start: u32| start, (0,)).build().unwrap();
        let count = || with_state(|calls: &mut u32| std::mem::replace(calls, *calls + 1));
        assert_eq!(pool.apply(count, ()).unwrap(), Some(0));
        assert_eq!(pool.apply(count, ()).unwrap(), Some(1));
        let gate = Gate::new();
        let task = pool.submit(stay, (gate.clone(),));
        gate.await_task();
        assert!(task.cancel());
        assert_eq!(pool.apply(count, ()).unwrap(), Some(0));
    });
}

#[test]
fn a_pool_without_any_state_is_broken() {
    in_time(|| {
        let once = |places: Arc<AtomicUsize>| {
            assert!(places.fetch_add(1, Ordering::Relaxed) == 0, "never again");
        };
        let builder = ThreadPool::builder().workers(1).initializer(once, (Arc::default(),));
        let pool = builder.build().unwrap();
        let gate = Gate::new();
        let running = pool.submit(stay, (gate.clone(),));
        let queued = pool.submit(double, (1,));
        gate.await_task();
        assert!(running.cancel());
        for task in [queued, pool.submit(double, (2,))] {
            match task.get() {
                Err(TaskError::Broken(why)) => assert!(why.contains("never again"), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        pool.join();
    });
}

#[test]
fn a_timeout_in_a_closed_pool_is_tried_again() {
    in_time(|| {
        let pool = pool_of(1);
        let gate = Gate::new();
        let call = pool.call(stay).timeout(Duration::from_millis(20)).retry(Retry::on_timeout(3));
        let task = call.submit((gate.clone(),));
        pool.join();
        assert!(task.ready());
        assert!(task.get().unwrap_err().is_timed_out());
    });
}

/// A value that nobody can drop in peace.
#[derive(Serialize, Deserialize)]
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        fail();
    }
}

#[test]
fn a_destructor_that_panics_costs_no_worker() {
    in_time(|| {
        let pool = pool_of(1);
        for cancelled in [true, false] {
            let gate = Gate::new();
            let inner = gate.clone();
            let task = pool.run(move || {
                inner.pass();
                Bomb
            });
            gate.await_task();
            // Either the value comes too late, or nobody is there to have it.
            assert!(!cancelled || task.cancel());
            drop(task);
            gate.open();
            assert_eq!(pool.map(double, 0..10).unwrap().len(), 10);
        }
        assert!(pool.join_timeout(PATIENCE));
    });
}

#[test]
fn a_waker_that_panics_costs_no_worker() {
    struct Bad;
    impl std::task::Wake for Bad {
        fn wake(self: Arc<Self>) {
            fail();
        }
    }
    in_time(|| {
        let pool = pool_of(1);
        let gate = Gate::new();
        let mut task = std::pin::pin!(pool.submit(pass, (gate.clone(), 1)));
        let waker = std::task::Waker::from(Arc::new(Bad));
        assert!(task.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
        gate.open();
        assert_eq!(pool.map(double, 0..10).unwrap().len(), 10);
        assert!(pool.join_timeout(PATIENCE));
    });
}

#[test]
fn a_scope_ends_with_its_tasks() {
    in_time(|| {
        let done = Arc::new(Mutex::new(Vec::new()));
        let told = done.clone();
        let handles = ThreadPool::scope(|pool| {
            (0..20_u32)
                .map(|n| {
                    let told = told.clone();
                    pool.run(move || told.lock().unwrap().push(n))
                })
                .collect::<Vec<_>>()
        });
        assert!(handles.unwrap().iter().all(pool::Handle::ready));
        assert_eq!(done.lock().unwrap().len(), 20);
        let builder = ThreadPool::builder().workers(1);
        assert_eq!(builder.scope(|pool| pool.apply(double, (1,)).unwrap()).unwrap(), 2);
    });
}

#[test]
fn a_pool_is_not_of_a_forked_process() {
    in_time(|| {
        let pool = pool_of(1);
        let body = move || {
            let not_owner = matches!(pool.apply(double, (1,)), Err(TaskError::NotOwner));
            let callback = pool.submit(double, (1,)).then(|value| value.is_err());
            let called = callback.get().unwrap();
            pool.terminate();
            pool.join();
            drop(pool);
            not_owner && called
        };
        let process = Process::from_closure(body).start_method(StartMethod::Fork);
        // SAFETY: the child takes no lock that a thread of this process holds but the allocator's,
        // which the C library hands over in order.
        #[expect(unsafe_code, reason = "to fork beside the threads is what is tested")]
        let mut child = unsafe { process.start_fork_unchecked() }.unwrap();
        let result = child.join_timeout(PATIENCE);
        if result.is_none() {
            let _ = child.kill();
        }
        assert!(result.expect("the child hangs").unwrap());
    });
}
