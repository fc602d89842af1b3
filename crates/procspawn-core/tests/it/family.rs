//! Parents, children and grandchildren, and what each knows of the others.

use std::time::Duration;

use ipc_pipe::{Sender, pipe};
use procspawn_core::{
    Process, StartMethod, active_children, current_process, parent_process, set_start_method,
};

use crate::support::{Observed, each_method, live_on, only, pids, run, start};

each_method! {
    the_first_process_has_no_parent_and_a_child_knows_its_own,
    a_parent_is_seen_to_die,
    a_parent_that_lives_is_seen_alive,
    a_child_starts_out_without_children,
    every_method_works_inside_every_other,
    the_start_method_is_passed_on,
    the_daemon_flag_is_passed_on,
    ten_generations_add_up,
    a_sibling_is_unknown_to_a_child,
}

only! { Spawn: the_start_method_of_this_process_can_be_changed }

#[test]
fn the_first_process_is_the_main_process() {
    assert!(parent_process().is_none());
    let this = current_process();
    assert_eq!((this.name(), this.pid()), ("MainProcess", std::process::id()));
    assert_eq!((this.start_method(), this.is_daemon()), (None, false));
    assert_eq!(this.to_string(), format!("MainProcess ({})", std::process::id()));
}

#[test]
fn all_methods_are_listed_the_default_first() {
    let names = StartMethod::ALL.map(|method| method.to_string());
    assert_eq!(names, ["spawn", "forkserver", "fork"]);
    assert_eq!(StartMethod::default(), StartMethod::ALL[0]);
}

fn the_first_process_has_no_parent_and_a_child_knows_its_own(method: StartMethod) {
    // The host stands for the parent here.
    assert_eq!(current_process().name(), "host");
    let child = Process::new(
        || {
            let parent = parent_process().unwrap();
            assert!(parent.is_alive().unwrap());
            (parent.pid(), parent.name().to_string())
        },
        (),
    );
    let (pid, name) = child.start_method(method).start().unwrap().join().unwrap();
    assert_eq!((pid, name), (std::process::id(), "host".to_string()));
}

/// Tells when it sees its parent alive, and when dead.
fn watch_parent(mut events: Sender<(u32, bool)>) {
    let parent = parent_process().unwrap();
    events.send(&(std::process::id(), parent.is_alive().unwrap())).unwrap();
    parent.join().unwrap();
    assert!(parent.join_timeout(Duration::ZERO).unwrap());
    events.send(&(parent.pid(), parent.is_alive().unwrap())).unwrap();
}

fn a_parent_is_seen_to_die(method: StartMethod) {
    let (mut events, sender) = pipe::<(u32, bool)>().unwrap();
    let parent = start(
        method,
        |method: StartMethod, events: Sender<(u32, bool)>| {
            let child = Process::new(watch_parent, (events,)).start_method(method).daemon(false);
            child.start().unwrap().detach();
            live_on();
        },
        (method, sender),
    );
    let (grandchild, alive) = events.recv().unwrap();
    assert!(alive);
    let grandchild = Observed::new(grandchild);
    parent.terminate().unwrap();
    assert_eq!(events.recv().unwrap(), (parent.pid(), false));
    parent.join().unwrap_err();
    grandchild.wait_for_end();
}

fn a_parent_that_lives_is_seen_alive(method: StartMethod) {
    let body = || {
        let parent = parent_process().unwrap();
        parent.is_alive().unwrap() && !parent.join_timeout(Duration::from_millis(5)).unwrap()
    };
    assert!(run(method, body, ()));
}

fn a_child_starts_out_without_children(method: StartMethod) {
    let other = crate::support::Living::start(method);
    let body = || active_children().len() + crate::support::children().len();
    assert_eq!(run(method, body, ()), 0);
    other.end().unwrap();
}

fn every_method_works_inside_every_other(outer: StartMethod) {
    for middle in StartMethod::ALL {
        for inner in StartMethod::ALL {
            let sum = run(
                outer,
                |middle: StartMethod, inner: StartMethod| {
                    10 + run(
                        middle,
                        |inner: StartMethod| 10 + run(inner, |x: u32| x + 1, (1,)),
                        (inner,),
                    )
                },
                (middle, inner),
            );
            assert_eq!(sum, 22, "{outer}, {middle}, {inner}");
        }
    }
}

fn the_start_method_is_passed_on(method: StartMethod) {
    let current = || (StartMethod::current(), current_process().start_method());
    assert_eq!(run(method, current, ()), (method, Some(method)));
    let grandchild = || Process::new(StartMethod::current, ()).start().unwrap().join().unwrap();
    assert_eq!(run(method, grandchild, ()), method);
}

fn the_start_method_of_this_process_can_be_changed(_: StartMethod) {
    for method in StartMethod::ALL {
        set_start_method(method);
        assert_eq!(StartMethod::current(), method);
        let child = Process::new(StartMethod::current, ()).start().unwrap();
        assert_eq!(child.start_method(), method);
        assert_eq!(child.join().unwrap(), method);
    }
}

fn the_daemon_flag_is_passed_on(method: StartMethod) {
    let is_daemon = || current_process().is_daemon();
    let family = |method: StartMethod| {
        let own = current_process().is_daemon();
        let inherited = run(method, || current_process().is_daemon(), ());
        let flagged = |daemon| {
            let child = Process::new(|| current_process().is_daemon(), ()).daemon(daemon);
            child.start_method(method).start().unwrap().join().unwrap()
        };
        (own, inherited, flagged(true), flagged(false))
    };
    assert!(!run(method, is_daemon, ()));
    for daemon in [false, true] {
        let child = Process::new(family, (method,)).start_method(method).daemon(daemon);
        let child = child.start().unwrap();
        assert_eq!(child.is_daemon(), daemon);
        assert_eq!(child.join().unwrap(), (daemon, daemon, true, false));
    }
}

fn generation(left: u32, method: StartMethod) -> u32 {
    if left == 0 { 0 } else { 1 + run(method, generation, (left - 1, method)) }
}

fn ten_generations_add_up(method: StartMethod) {
    assert_eq!(generation(10, method), 10);
}

fn a_sibling_is_unknown_to_a_child(method: StartMethod) {
    let (mut pid, sender) = pids();
    let body = |mut pids: Sender<u32>| {
        let parent = parent_process().unwrap().pid();
        pids.send(&parent).unwrap();
    };
    run(method, body, (sender,));
    assert_eq!(pid.recv().unwrap(), std::process::id());
    assert!(active_children().is_empty());
}
