//! Signals to everybody, and hosts that take the status of children away.

use std::sync::atomic::{AtomicUsize, Ordering};

use ipc_pipe::{Sender, pipe};
use procspawn_core::{ExitStatus, JoinError, Process, StartMethod};
use rustix::process::Signal;

use crate::support::{
    Living, each_method, kernel_remembers, live_on, on_signal, only, reap_any, run, set_signal,
    start,
};

each_method! {
    sigint_to_the_group_ends_the_children,
    a_host_that_ignores_sigchld_gets_values_and_codes,
    a_host_that_ignores_sigchld_hears_of_a_killed_child_what_the_kernel_knows,
    a_host_that_reaps_every_child_gets_values_and_codes,
    a_host_that_reaps_in_a_loop_beside_us_gets_values,
    children_take_no_notice_of_what_their_parent_handles_or_blocks,
}

only! { ForkServer: ctrl_c_between_starts_harms_no_later_child }

static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_interrupt(_: i32) {
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
}

/// What Ctrl-C does: SIGINT to the whole process group, which is this host's own.
fn interrupt_group() {
    let group = rustix::process::getpid();
    rustix::process::kill_process_group(group, Signal::INT).unwrap();
}

fn sigint_to_the_group_ends_the_children(method: StartMethod) {
    let living = [Living::start(method), Living::start(method)];
    on_signal(libc::SIGINT, count_interrupt);
    interrupt_group();
    for child in living {
        let result = child.handle.join();
        let signaled = matches!(result, Err(JoinError::Signaled { signal: libc::SIGINT, .. }));
        assert!(signaled, "{result:?}");
    }
    assert_eq!(INTERRUPTS.load(Ordering::Relaxed), 1);
    assert_eq!(run(method, |x: u32| x + 1, (1,)), 2);
}

fn ctrl_c_between_starts_harms_no_later_child(method: StartMethod) {
    on_signal(libc::SIGINT, count_interrupt);
    for x in 0..20 {
        interrupt_group();
        assert_eq!(run(method, |x: u32| x + 1, (x,)), x + 1);
    }
}

/// What must be right although nobody can ask the system.
fn values_and_codes(method: StartMethod) {
    for x in 0..30 {
        let child = start(method, |x: u32| x + 1, (x,));
        let known = child.child().clone();
        assert_eq!(child.join().unwrap(), x + 1);
        assert_eq!(known.exit_status(), Some(ExitStatus::Code(0)));
        known.kill().unwrap();
    }
    let child = start(method, || -> () { std::process::exit(300) }, ());
    assert!(matches!(child.join(), Err(JoinError::Exited(300))));
    let child = start(method, || -> () { panic!("on purpose") }, ());
    assert!(matches!(child.join(), Err(JoinError::Panicked { .. })));
    let many: Vec<_> = (0..30).map(|x: u32| start(method, |x: u32| x, (x,))).collect();
    let sum: u32 = many.into_iter().map(|child| child.join().unwrap()).sum();
    assert_eq!(sum, (0..30).sum());
}

fn a_host_that_ignores_sigchld_gets_values_and_codes(method: StartMethod) {
    set_signal(libc::SIGCHLD, libc::SIG_IGN);
    values_and_codes(method);
}

fn a_host_that_ignores_sigchld_hears_of_a_killed_child_what_the_kernel_knows(method: StartMethod) {
    set_signal(libc::SIGCHLD, libc::SIG_IGN);
    let living = Living::start(method);
    living.handle.kill().unwrap();
    match living.handle.join() {
        Err(JoinError::Signaled { signal: libc::SIGKILL, .. }) => {}
        Err(JoinError::Unknown) => assert!(!kernel_remembers()),
        other => panic!("{other:?}"),
    }
}

extern "C" fn reap_all(_: i32) {
    while reap_any() {}
}

fn a_host_that_reaps_every_child_gets_values_and_codes(method: StartMethod) {
    on_signal(libc::SIGCHLD, reap_all);
    values_and_codes(method);
    let living = Living::start(method);
    living.handle.kill().unwrap();
    match living.handle.join() {
        Err(JoinError::Signaled { signal: libc::SIGKILL, .. }) => {}
        Err(JoinError::Unknown) => assert!(!kernel_remembers()),
        other => panic!("{other:?}"),
    }
    set_signal(libc::SIGCHLD, libc::SIG_DFL);
}

fn a_host_that_reaps_in_a_loop_beside_us_gets_values(method: StartMethod) {
    use std::sync::atomic::AtomicBool;

    /// Ends the loop even if the body fails.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _done = Done(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                reap_any();
                std::thread::yield_now();
            }
        });
        let begin = |x: u32| {
            let process = Process::new(|x: u32| x + 1, (x,)).start_method(method);
            match method {
                StartMethod::Fork => crate::support::fork_unchecked(process),
                _ => process.start(),
            }
        };
        for x in 0..100 {
            assert_eq!(begin(x).unwrap().join().unwrap(), x + 1);
        }
    });
}

fn children_take_no_notice_of_what_their_parent_handles_or_blocks(method: StartMethod) {
    on_signal(libc::SIGTERM, count_interrupt);
    let (mut ready, sender) = pipe::<()>().unwrap();
    let body = |mut ready: Sender<()>| {
        ready.send(&()).unwrap();
        live_on();
    };
    let child = start(method, body, (sender,));
    ready.recv().unwrap();
    if method == StartMethod::Fork {
        // A forked child is a copy, handlers included, as with any fork.
        child.kill().unwrap();
        assert!(child.join().is_err());
        return;
    }
    child.terminate().unwrap();
    let result = child.join();
    assert!(matches!(result, Err(JoinError::Signaled { signal: libc::SIGTERM, .. })), "{result:?}");
}
