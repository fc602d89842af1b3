//! What becomes of a family when its parent is killed.

use std::time::Duration;

use ipc_pipe::{Connection, Sender, duplex, pipe};
use procspawn_core::{Process, StartMethod, current_process};
use rustix::process::Signal;

use crate::support::{Observed, each_method, live_on, pids, start};

each_method! {
    a_daemon_dies_with_a_killed_parent,
    a_stopped_daemon_dies_with_a_killed_parent,
    a_daemon_that_ignores_every_signal_it_can_dies_with_a_killed_parent,
    a_child_that_is_no_daemon_outlives_a_killed_parent,
    the_children_of_a_daemon_die_with_it,
    all_descendants_of_a_daemon_die_whatever_they_call_themselves,
    a_daemon_does_not_die_with_its_sibling,
    a_daemon_whose_parent_dies_at_once_does_not_stay,
    a_hundred_daemons_die_with_a_killed_parent,
    a_daemon_of_a_parent_that_leaves_without_hooks_dies,
}

/// Starts a process that starts children as told, tells their pids and lives on.
fn doomed(method: StartMethod, count: usize, daemon: bool, mut pids: Sender<u32>) {
    let children: Vec<_> = (0..count)
        .map(|_| {
            let (mut ready, sender) = pipe::<()>().unwrap();
            let body = |mut ready: Sender<()>| {
                ready.send(&()).unwrap();
                live_on();
            };
            let child = Process::new(body, (sender,)).start_method(method).daemon(daemon);
            let child = child.start().unwrap();
            ready.recv().unwrap();
            child
        })
        .collect();
    children.iter().for_each(|child| pids.send(&child.pid()).unwrap());
    live_on();
}

fn a_daemon_dies_with_a_killed_parent(method: StartMethod) {
    let (mut pid, sender) = pids();
    let parent = start(method, doomed, (method, 1, true, sender));
    let daemon = Observed::new(pid.recv().unwrap());
    parent.kill().unwrap();
    parent.join().unwrap_err();
    daemon.wait_for_end();
}

fn a_hundred_daemons_die_with_a_killed_parent(method: StartMethod) {
    let (mut pid, sender) = pids();
    let parent = start(method, doomed, (method, 100, true, sender));
    let daemons: Vec<_> = (0..100).map(|_| Observed::new(pid.recv().unwrap())).collect();
    parent.kill().unwrap();
    parent.join().unwrap_err();
    daemons.iter().for_each(Observed::wait_for_end);
}

fn a_stopped_daemon_dies_with_a_killed_parent(method: StartMethod) {
    let (mut pid, sender) = pids();
    let parent = start(method, doomed, (method, 1, true, sender));
    let daemon = Observed::new(pid.recv().unwrap());
    daemon.signal(Signal::STOP);
    parent.kill().unwrap();
    parent.join().unwrap_err();
    daemon.wait_for_end();
}

fn a_daemon_that_ignores_every_signal_it_can_dies_with_a_killed_parent(method: StartMethod) {
    let (mut pid, sender) = pids();
    let parent = start(
        method,
        |method: StartMethod, pids: Sender<u32>| {
            let deaf = |mut pids: Sender<u32>| {
                for signal in 1..32 {
                    if ![libc::SIGKILL, libc::SIGSTOP].contains(&signal) {
                        crate::support::set_signal(signal, libc::SIG_IGN);
                    }
                }
                pids.send(&std::process::id()).unwrap();
                live_on();
            };
            let daemon = Process::new(deaf, (pids,)).start_method(method).daemon(true);
            daemon.start().unwrap().detach();
            live_on();
        },
        (method, sender),
    );
    let daemon = Observed::new(pid.recv().unwrap());
    parent.kill().unwrap();
    parent.join().unwrap_err();
    daemon.wait_for_end();
}

fn a_child_that_is_no_daemon_outlives_a_killed_parent(method: StartMethod) {
    let (mut ours, theirs) = duplex::<String, String>().unwrap();
    let parent = start(
        method,
        |method: StartMethod, talk: Connection<String, String>| {
            let echo = |mut talk: Connection<String, String>| {
                talk.send(&std::process::id().to_string()).unwrap();
                while let Ok(text) = talk.recv() {
                    if text == "end" {
                        break;
                    }
                    talk.send(&text).unwrap();
                }
            };
            start(method, echo, (talk,)).detach();
            live_on();
        },
        (method, theirs),
    );
    let child = Observed::new(ours.recv().unwrap().parse().unwrap());
    parent.kill().unwrap();
    parent.join().unwrap_err();
    ours.send(&"still there?".into()).unwrap();
    assert_eq!(ours.recv().unwrap(), "still there?");
    assert!(!child.has_ended());
    ours.send(&"end".into()).unwrap();
    child.wait_for_end();
}

/// A chain of processes, each the child of the one before; all tell their pids and live on.
fn chain(method: StartMethod, daemons: Vec<Option<bool>>, mut pids: Sender<(u32, bool)>) {
    pids.send(&(std::process::id(), current_process().is_daemon())).unwrap();
    if let Some((daemon, rest)) = daemons.split_first() {
        let process = Process::new(chain, (method, rest.to_vec(), pids)).start_method(method);
        let process = match daemon {
            Some(daemon) => process.daemon(*daemon),
            None => process,
        };
        process.start().unwrap().detach();
    }
    live_on();
}

/// Starts a chain, kills its first process and waits for all the others to end.
fn all_end_after(method: StartMethod, daemons: Vec<Option<bool>>) {
    let (mut pids, sender) = pipe::<(u32, bool)>().unwrap();
    let count = daemons.len();
    let first = start(method, chain, (method, daemons, sender));
    let told: Vec<_> = (0..=count).map(|_| pids.recv().unwrap()).collect();
    let observed: Vec<_> = told.iter().map(|(pid, _)| Observed::new(*pid)).collect();
    first.kill().unwrap();
    first.join().unwrap_err();
    for (number, process) in observed.iter().enumerate() {
        let (_, daemon) = told[number];
        let in_time = process.ends_within(Duration::from_secs(5));
        assert!(in_time, "generation {number} (daemon: {daemon}) stays");
    }
}

fn the_children_of_a_daemon_die_with_it(method: StartMethod) {
    all_end_after(method, vec![Some(true), None, None]);
}

fn all_descendants_of_a_daemon_die_whatever_they_call_themselves(method: StartMethod) {
    all_end_after(method, vec![Some(true), Some(false)]);
    all_end_after(method, vec![Some(true), Some(false), None, Some(false)]);
}

fn a_daemon_does_not_die_with_its_sibling(method: StartMethod) {
    let daemon = || {
        let (mut ready, sender) = pipe::<()>().unwrap();
        let (receiver, gate) = pipe::<()>().unwrap();
        let process = Process::new(crate::support::live_until, (receiver, sender));
        let handle = process.daemon(true).start_method(method).start().unwrap();
        ready.recv().unwrap();
        (handle, gate)
    };
    let (first, _first_gate) = daemon();
    let (second, mut gate) = daemon();
    first.kill().unwrap();
    first.join().unwrap_err();
    gate.send(&()).unwrap();
    second.join().unwrap();
}

fn a_daemon_whose_parent_dies_at_once_does_not_stay(method: StartMethod) {
    for _ in 0..20 {
        let (mut pid, sender) = pids();
        let parent = start(
            method,
            |method: StartMethod, mut pids: Sender<u32>| {
                let daemon = Process::new(live_on, ()).start_method(method).daemon(true);
                let daemon = daemon.start().unwrap();
                pids.send(&daemon.pid()).unwrap();
                live_on();
            },
            (method, sender),
        );
        let pid = pid.recv().unwrap();
        parent.kill().unwrap();
        // A daemon that has not begun may be gone by now, and its pid with it.
        let gone = crate::support::see(pid).is_none_or(|seen| seen.state == 'Z');
        if !gone && let Some(daemon) = Observed::try_new(pid) {
            daemon.wait_for_end();
        }
        parent.join().unwrap_err();
    }
}

fn a_daemon_of_a_parent_that_leaves_without_hooks_dies(method: StartMethod) {
    let (mut pid, sender) = pids();
    let parent = start(
        method,
        |method: StartMethod, pids: Sender<u32>| -> () {
            let (mut ready, inner) = pipe::<()>().unwrap();
            let body = |mut ready: Sender<()>, mut pids: Sender<u32>| {
                pids.send(&std::process::id()).unwrap();
                ready.send(&()).unwrap();
                live_on();
            };
            let daemon = Process::new(body, (inner, pids)).start_method(method).daemon(true);
            daemon.start().unwrap().detach();
            ready.recv().unwrap();
            crate::support::leave(0)
        },
        (method, sender),
    );
    let pid = pid.recv().unwrap();
    let daemon = Observed::try_new(pid);
    parent.join().unwrap_err();
    if let Some(daemon) = daemon {
        daemon.wait_for_end();
    }
}
