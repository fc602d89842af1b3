//! What only the fork start method does, and what it refuses.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use procspawn_core::{JoinError, Process, StartError, StartMethod};

use crate::support::{contents, each_method, fork_unchecked, nameless, only, run, start};

only! { Fork:
    a_closure_takes_along_what_it_captures,
    what_is_captured_need_not_be_a_value_that_travels,
    a_closure_runs_once_and_drops_what_it_owns,
    the_child_has_the_memory_of_its_parent_and_writes_to_its_own,
    a_process_with_threads_cannot_be_forked,
    a_process_with_threads_can_be_forked_unchecked,
    a_panic_in_a_closure_comes_back,
    forked_children_of_forked_children_work,
    an_exit_inside_a_closure_is_told,
    threads_that_start_processes_do_not_block_a_forked_child,
}

each_method! { a_closure_with_captures_needs_fork }

fn a_closure_takes_along_what_it_captures(_: StartMethod) {
    let (names, mut count) = (vec!["ann".to_string(), "bob".to_string()], 40);
    let child = Process::from_closure(move || {
        count += names.len();
        (names.join("+"), count)
    });
    assert_eq!(child.start().unwrap().join().unwrap(), ("ann+bob".to_string(), 42));
}

fn what_is_captured_need_not_be_a_value_that_travels(_: StartMethod) {
    let shared = Rc::new(RefCell::new(vec![1, 2]));
    let copy = shared.clone();
    let child = Process::from_closure(move || {
        copy.borrow_mut().push(3);
        copy.borrow().iter().sum::<i32>()
    });
    assert_eq!(child.start().unwrap().join().unwrap(), 6);
    assert_eq!(*shared.borrow(), [1, 2]);
    assert_eq!(Rc::strong_count(&shared), 1, "the parent has dropped the closure");
}

struct Loud<'a>(&'a std::fs::File, &'static str);

impl Drop for Loud<'_> {
    fn drop(&mut self) {
        std::io::Write::write_all(&mut &*self.0, self.1.as_bytes()).unwrap();
    }
}

fn a_closure_runs_once_and_drops_what_it_owns(_: StartMethod) {
    let file = nameless();
    let kept: &'static _ = Box::leak(Box::new(file.try_clone().unwrap()));
    let loud = Loud(kept, "x");
    let child = Process::from_closure(move || drop(loud)).start().unwrap();
    child.join().unwrap();
    assert_eq!(contents(file), "xx", "once in the child, once in the parent");
    crate::support::close(std::os::fd::AsRawFd::as_raw_fd(kept));
}

static TOUCHED: AtomicBool = AtomicBool::new(false);

fn the_child_has_the_memory_of_its_parent_and_writes_to_its_own(_: StartMethod) {
    TOUCHED.store(true, Ordering::Relaxed);
    let big = vec![7u8; 64 << 20];
    let child = Process::from_closure(move || {
        let seen = TOUCHED.swap(false, Ordering::Relaxed);
        (seen, big.iter().map(|byte| u64::from(*byte)).sum::<u64>())
    });
    assert_eq!(child.start().unwrap().join().unwrap(), (true, 7 * (64 << 20)));
    assert!(TOUCHED.load(Ordering::Relaxed));
}

/// Runs `body` while another thread lives.
fn beside_a_thread<R>(body: impl FnOnce() -> R) -> R {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || receiver.recv().unwrap_err());
    let result = body();
    drop(sender);
    thread.join().unwrap();
    // A thread that has been joined may still be listed for a moment.
    while std::fs::read_dir("/proc/self/task").unwrap().count() > 1 {
        std::thread::yield_now();
    }
    result
}

fn a_process_with_threads_cannot_be_forked(_: StartMethod) {
    beside_a_thread(|| {
        let result = Process::new(|| 1, ()).start_method(StartMethod::Fork).start();
        let Err(error @ StartError::Threads(2)) = result else { panic!("{result:?}") };
        let text = error.to_string();
        assert!(text.contains("there are 2") && text.contains("start_fork_unchecked"), "{text}");
        assert_eq!(run(StartMethod::Spawn, || 1, ()), 1);
        assert_eq!(run(StartMethod::ForkServer, || 1, ()), 1);
    });
    assert_eq!(run(StartMethod::Fork, || 1, ()), 1, "and can be once they are gone");
}

fn a_process_with_threads_can_be_forked_unchecked(_: StartMethod) {
    beside_a_thread(|| {
        let captured = [1, 2, 3];
        let child = fork_unchecked(Process::from_closure(move || captured.len()));
        assert_eq!(child.unwrap().join().unwrap(), 3);
        let child = fork_unchecked(Process::new(|x: u32| x + 1, (1,)));
        assert_eq!(child.unwrap().join().unwrap(), 2);
    });
}

fn a_panic_in_a_closure_comes_back(_: StartMethod) {
    let text = "captured".to_string();
    let result = Process::from_closure(move || -> u8 { panic!("{text}") }).start().unwrap().join();
    let Err(JoinError::Panicked { message, .. }) = result else { panic!("{result:?}") };
    assert_eq!(message, "captured");
}

fn forked_children_of_forked_children_work(_: StartMethod) {
    let value = 3;
    let child = Process::from_closure(move || {
        let inner = Process::from_closure(move || value * 2).start().unwrap();
        inner.join().unwrap() + run(StartMethod::Spawn, |x: i32| x, (value,))
    });
    assert_eq!(child.start().unwrap().join().unwrap(), 9);
}

fn an_exit_inside_a_closure_is_told(_: StartMethod) {
    let code = 300;
    let result = Process::from_closure(move || -> () { std::process::exit(code) }).start();
    assert!(matches!(result.unwrap().join(), Err(JoinError::Exited(300))));
}

fn threads_that_start_processes_do_not_block_a_forked_child(_: StartMethod) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for method in [StartMethod::Spawn, StartMethod::ForkServer] {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    run(method, || (), ());
                }
            });
        }
        for n in 0..100 {
            let child = fork_unchecked(Process::new(|n: u32| n, (n,))).unwrap();
            assert_eq!(child.join().unwrap(), n);
        }
        done.store(true, Ordering::Relaxed);
    });
}

fn a_closure_with_captures_needs_fork(method: StartMethod) {
    let text = "captured".to_string();
    let process = Process::from_closure(move || text).start_method(method);
    match process.start() {
        Ok(child) => {
            assert_eq!(method, StartMethod::Fork);
            assert_eq!(child.join().unwrap(), "captured");
        }
        Err(error) => {
            assert_ne!(method, StartMethod::Fork);
            assert!(matches!(error, StartError::NeedsFork));
            assert!(error.to_string().contains("pass what it captures as arguments"));
        }
    }
    assert_eq!(start(method, || 1, ()).join().unwrap(), 1);
}
