//! The fork server: what it loads, and what becomes of children and starts when it dies.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipc_pipe::{Sender, pipe};
use procspawn_core::{
    ExitStatus, JoinError, Process, RemoteFn, StartError, StartMethod, active_children,
    forkserver_pid, set_forkserver_preload,
};
use rustix::process::Signal;

use crate::support::{Living, Observed, live_on, live_until, only, pids, run, see, start};

const SERVER: StartMethod = StartMethod::ForkServer;

only! { ForkServer:
    one_server_serves_all_children,
    the_server_is_the_parent_of_record_but_not_the_parent,
    the_server_is_no_child_to_be_counted,
    sigint_does_not_stop_the_server,
    a_running_child_outlives_its_server,
    a_child_killed_after_its_server_ends_somehow,
    the_next_start_replaces_a_dead_server,
    the_server_is_replaced_again_and_again,
    a_stopped_server_is_replaced_in_time,
    the_server_dies_with_its_killed_parent,
    the_server_ends_with_its_parent,
    preloaded_functions_have_run_in_every_child,
    preloads_do_not_reach_a_server_that_runs,
    a_preload_that_panics_is_an_error_of_start,
    a_preload_that_starts_a_thread_is_an_error_of_start,
    a_preload_that_exits_is_an_error_of_start,
    a_failed_preload_can_be_repaired,
    starts_from_several_threads_are_served,
    children_take_sigint_as_others_do,
    a_stopped_server_does_not_hide_the_death_of_a_child_for_long,
}

fn one_server_serves_all_children(_: StartMethod) {
    assert_eq!(forkserver_pid(), None, "none is started before it is needed");
    let parent = || rustix::process::getppid().unwrap().as_raw_pid().cast_unsigned();
    let first = run(SERVER, parent, ());
    assert_eq!(forkserver_pid(), Some(first));
    assert_eq!(run(SERVER, parent, ()), first);
}

fn the_server_is_the_parent_of_record_but_not_the_parent(_: StartMethod) {
    let parent = || procspawn_core::parent_process().unwrap().pid();
    assert_eq!(run(SERVER, parent, ()), std::process::id());
}

fn the_server_is_no_child_to_be_counted(_: StartMethod) {
    let living = Living::start(SERVER);
    assert_eq!(active_children().len(), 1);
    assert_eq!(active_children()[0].pid(), living.handle.pid());
    living.end().unwrap();
}

fn server() -> Observed {
    Observed::new(forkserver_pid().unwrap())
}

fn sigint_does_not_stop_the_server(_: StartMethod) {
    run(SERVER, || (), ());
    let pid = forkserver_pid();
    for _ in 0..10 {
        server().signal(Signal::INT);
        assert_eq!(run(SERVER, |x: u32| x + 1, (1,)), 2);
    }
    assert_eq!(forkserver_pid(), pid);
}

fn a_running_child_outlives_its_server(_: StartMethod) {
    let (mut ready, sender) = pipe::<()>().unwrap();
    let (receiver, mut gate) = pipe::<()>().unwrap();
    let body = |gate, ready| {
        live_until(gate, ready);
        "value".to_string()
    };
    let child = start(SERVER, body, (receiver, sender));
    ready.recv().unwrap();
    let server = server();
    server.signal(Signal::KILL);
    server.wait_for_end();
    assert!(child.is_alive());
    gate.send(&()).unwrap();
    let known = child.child().clone();
    assert_eq!(child.join().unwrap(), "value");
    assert_eq!(known.exit_status(), Some(ExitStatus::Code(0)));
}

fn a_child_killed_after_its_server_ends_somehow(_: StartMethod) {
    let living = Living::start(SERVER);
    let server = server();
    server.signal(Signal::KILL);
    server.wait_for_end();
    living.handle.kill().unwrap();
    let result = living.handle.join();
    // Nobody is left to tell how, unless the kernel does.
    let told = matches!(result, Err(JoinError::Signaled { signal: libc::SIGKILL, .. }));
    assert!(told || matches!(result, Err(JoinError::Unknown)), "{result:?}");
}

fn the_next_start_replaces_a_dead_server(_: StartMethod) {
    run(SERVER, || (), ());
    let (old, pid) = (server(), forkserver_pid());
    old.signal(Signal::KILL);
    old.wait_for_end();
    // The first may be a child that the old server had at hand.
    for x in 0..3 {
        assert_eq!(run(SERVER, |x: u32| x + 1, (x,)), x + 1);
    }
    assert_ne!(forkserver_pid(), pid);
    assert_eq!(crate::support::zombies(), 0);
}

fn the_server_is_replaced_again_and_again(_: StartMethod) {
    run(SERVER, || (), ());
    for n in 0..20 {
        // Not waited for: the start may meet it alive, dying or dead.
        server().signal(Signal::KILL);
        let child = Process::new(|n: u32| n, (n,)).start_method(SERVER).start().unwrap();
        match child.join() {
            Ok(value) => assert_eq!(value, n),
            // The old server forked the child, which lives on or died unheard.
            Err(error) => panic!("round {n}: {error}"),
        }
    }
    // The first may be a child that the last server had at hand.
    (0..3).for_each(|n| assert_eq!(run(SERVER, |n: u32| n, (n,)), n));
    assert_eq!(crate::support::zombies(), 0);
}

fn a_stopped_server_is_replaced_in_time(_: StartMethod) {
    run(SERVER, || (), ());
    let (old, pid) = (server(), forkserver_pid());
    old.signal(Signal::STOP);
    // The first may be a child that the old server had at hand.
    (0..3).for_each(|n| assert_eq!(run(SERVER, |n: u32| n, (n,)), n));
    assert_ne!(forkserver_pid(), pid);
    old.wait_for_end();
}

/// A parent with a server, whose pid it tells.
fn with_server(mut pids: Sender<u32>, stay: bool) {
    run(SERVER, || (), ());
    pids.send(&forkserver_pid().unwrap()).unwrap();
    if stay {
        live_on();
    }
}

fn the_server_dies_with_its_killed_parent(_: StartMethod) {
    let (mut pid, sender) = pids();
    let parent = start(StartMethod::Spawn, with_server, (sender, true));
    let server = Observed::new(pid.recv().unwrap());
    parent.kill().unwrap();
    parent.join().unwrap_err();
    server.wait_for_end();
}

fn the_server_ends_with_its_parent(_: StartMethod) {
    let (mut pid, sender) = pids();
    let parent = start(StartMethod::Spawn, with_server, (sender, false));
    let pid = pid.recv().unwrap();
    parent.join().unwrap();
    if let Some(server) = Observed::try_new(pid) {
        server.wait_for_end();
    }
}

static TABLE: OnceLock<(u32, Vec<u64>)> = OnceLock::new();
static LOADED: AtomicUsize = AtomicUsize::new(0);

fn load_table() {
    TABLE.get_or_init(|| (std::process::id(), (0..1000).collect()));
    LOADED.fetch_add(1, Ordering::Relaxed);
}

fn load_more() {
    LOADED.fetch_add(10, Ordering::Relaxed);
}

fn loaded() -> usize {
    LOADED.load(Ordering::Relaxed)
}

fn preloaded_functions_have_run_in_every_child(_: StartMethod) {
    set_forkserver_preload([RemoteFn::new(load_table), RemoteFn::new(load_more)]);
    for _ in 0..3 {
        let (pid, sum) = run(
            SERVER,
            || TABLE.get().map(|(pid, table)| (*pid, table.iter().sum::<u64>())).unwrap(),
            (),
        );
        assert_eq!((Some(pid), sum), (forkserver_pid(), 499_500));
        assert_eq!(run(SERVER, loaded, ()), 11);
    }
    assert_eq!(loaded(), 0, "they do not run here");
    // A server that takes over loads the same.
    server().signal(Signal::KILL);
    assert_eq!(run(SERVER, loaded, ()), 11);
}

fn preloads_do_not_reach_a_server_that_runs(_: StartMethod) {
    assert_eq!(run(SERVER, loaded, ()), 0);
    set_forkserver_preload([RemoteFn::new(load_table)]);
    assert_eq!(run(SERVER, loaded, ()), 0);
}

#[track_caller]
fn preload_error() -> String {
    let result = Process::new(|| (), ()).start_method(SERVER).start();
    let Err(error @ StartError::Preload(_)) = result else { panic!("{result:?}") };
    assert_eq!(forkserver_pid(), None);
    assert!(crate::support::children().is_empty(), "no server is left");
    error.to_string()
}

fn a_preload_that_panics_is_an_error_of_start(_: StartMethod) {
    set_forkserver_preload([RemoteFn::new(load_table), RemoteFn::new(|| panic!("no table"))]);
    let error = preload_error();
    assert!(error.contains("no table") && error.contains("forkserver.rs"), "{error}");
    assert!(preload_error().contains("no table"), "and so is the next");
}

fn a_preload_that_starts_a_thread_is_an_error_of_start(_: StartMethod) {
    set_forkserver_preload([RemoteFn::new(|| {
        std::thread::spawn(live_on);
    })]);
    let error = preload_error();
    assert!(error.contains("1 threads were started"), "{error}");
}

fn a_preload_that_exits_is_an_error_of_start(_: StartMethod) {
    set_forkserver_preload([RemoteFn::new(|| std::process::exit(3))]);
    assert!(preload_error().contains("the server ended"));
    set_forkserver_preload([RemoteFn::new(|| std::process::abort())]);
    assert!(preload_error().contains("the server ended"));
}

fn a_failed_preload_can_be_repaired(_: StartMethod) {
    set_forkserver_preload([RemoteFn::new(|| panic!("no table"))]);
    preload_error();
    set_forkserver_preload([RemoteFn::new(load_table)]);
    assert_eq!(run(SERVER, loaded, ()), 1);
    set_forkserver_preload([]);
    assert_eq!(run(SERVER, loaded, ()), 1, "the server runs already");
}

fn starts_from_several_threads_are_served(_: StartMethod) {
    let sum: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|n| {
                scope.spawn(move || {
                    (0..10).map(|k| run(SERVER, |x: u32| x, (10 * n + k,))).sum::<u32>()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(sum, (0..40).sum());
    let servers = crate::support::children();
    assert_eq!(servers.len(), 1, "one server was enough: {servers:?}");
}

fn children_take_sigint_as_others_do(_: StartMethod) {
    let living = Living::start(SERVER);
    living.handle.interrupt().unwrap();
    let result = living.handle.join();
    assert!(matches!(result, Err(JoinError::Signaled { signal: libc::SIGINT, .. })), "{result:?}");
}

fn a_stopped_server_does_not_hide_the_death_of_a_child_for_long(_: StartMethod) {
    let living = Living::start(SERVER);
    let server = server();
    server.signal(Signal::STOP);
    while see(forkserver_pid().unwrap()).unwrap().state != 'T' {
        std::thread::yield_now();
    }
    let mut child = living.handle;
    child.kill().unwrap();
    let result = child.join_timeout(Duration::from_secs(20)).expect("it does not wait for ever");
    assert!(result.is_err());
    server.signal(Signal::CONT);
    assert_eq!(run(SERVER, |x: u32| x + 1, (1,)), 2);
}
