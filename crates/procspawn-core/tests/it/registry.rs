//! Handles that are dropped, and what an exiting parent does about its children.

use std::time::Duration;

use ipc_pipe::{Receiver, Sender, pipe};
use procspawn_core::{Process, StartMethod, active_children, set_exit_timeout};

use crate::support::{
    Observed, PATIENCE, children, each_method, live_on, live_until, pids, run, set_signal, start,
    zombies,
};

each_method! {
    a_dropped_handle_detaches_and_the_next_start_reaps,
    a_dropped_handle_detaches_and_active_children_reaps,
    a_handle_that_is_detached_by_name_goes_on,
    a_child_kept_apart_from_its_value_can_be_waited_for,
    an_exiting_parent_waits_for_children_that_are_no_daemons,
    an_exiting_parent_stops_its_daemons,
    an_exiting_parent_kills_a_daemon_that_ignores_sigterm,
    the_wait_of_an_exiting_parent_can_be_limited,
    a_parent_that_panics_waits_for_its_children_too,
    a_parent_that_calls_exit_waits_for_its_children_too,
    a_daemon_has_time_to_clean_up_after_sigterm,
}

fn a_dropped_handle_detaches_and_the_next_start_reaps(method: StartMethod) {
    let child = start(method, || (), ());
    let known = child.child().clone();
    drop(child);
    ipc_pipe::wait(&[known.sentinel()], Some(PATIENCE)).unwrap();
    run(method, || (), ());
    assert_eq!(zombies(), 0);
    assert!(children().iter().all(|child| child.pid != known.pid()));
}

fn a_dropped_handle_detaches_and_active_children_reaps(method: StartMethod) {
    let (mut ready, sender) = pipe::<()>().unwrap();
    let (receiver, mut gate) = pipe::<()>().unwrap();
    drop(start(method, live_until, (receiver, sender)));
    ready.recv().unwrap();
    let [known] = &active_children()[..] else { panic!("{:?}", active_children()) };
    assert!(known.is_alive(), "it goes on");
    gate.send(&()).unwrap();
    ipc_pipe::wait(&[known.sentinel()], Some(PATIENCE)).unwrap();
    assert!(active_children().is_empty());
    assert_eq!(zombies(), 0);
}

fn a_handle_that_is_detached_by_name_goes_on(method: StartMethod) {
    let (mut result, sender) = pipe::<u32>().unwrap();
    start(method, |mut result: Sender<u32>| result.send(&5).unwrap(), (sender,)).detach();
    assert_eq!(result.recv().unwrap(), 5);
    let left = active_children();
    left.iter().for_each(|child| assert!(child.wait().success()));
}

fn a_child_kept_apart_from_its_value_can_be_waited_for(method: StartMethod) {
    let child = start(method, || 5, ());
    let known = child.child().clone();
    assert!(known.wait_timeout(PATIENCE).unwrap().success());
    assert_eq!(child.join().unwrap(), 5, "waiting does not take the value");
}

/// A parent whose child, a daemon or not, is there; it ends when told, in the way given.
fn parent(
    method: StartMethod,
    daemon: bool,
    ignore: bool,
    mut pids: Sender<u32>,
    mut gate: Receiver<String>,
    childs_gate: Receiver<()>,
) {
    let (mut ready, sender) = pipe::<()>().unwrap();
    let child = Process::new(
        |ignore: bool, gate: Receiver<()>, ready: Sender<()>| {
            if ignore {
                set_signal(libc::SIGTERM, libc::SIG_IGN);
            }
            live_until(gate, ready);
        },
        (ignore, childs_gate, sender),
    );
    let child = child.daemon(daemon).start_method(method).start().unwrap();
    ready.recv().unwrap();
    pids.send(&child.pid()).unwrap();
    match &*gate.recv().unwrap() {
        "return" => {}
        "limited" => set_exit_timeout(Some(Duration::from_millis(50))),
        "panic" => panic!("on purpose"),
        "exit" => std::process::exit(3),
        other => unreachable!("{other}"),
    }
}

/// A running [`parent`], and its child.
struct Parent {
    handle: procspawn_core::JoinHandle<()>,
    gate: Sender<String>,
    child: Observed,
    childs_gate: Sender<()>,
}

impl Parent {
    fn start(method: StartMethod, daemon: bool, ignore: bool) -> Parent {
        let (mut pid, sender) = pids();
        let (receiver, gate) = pipe::<String>().unwrap();
        let (childs_receiver, childs_gate) = pipe::<()>().unwrap();
        let args = (method, daemon, ignore, sender, receiver, childs_receiver);
        let handle = start(method, parent, args);
        let child = Observed::new(pid.recv().unwrap());
        Parent { handle, gate, child, childs_gate }
    }

    /// Ends it in a way that must wait for the child.
    fn waits(mut self, how: &str) {
        self.gate.send(&how.to_string()).unwrap();
        assert!(self.handle.join_timeout(Duration::from_millis(100)).is_none(), "it waits");
        assert!(!self.child.has_ended());
        self.childs_gate.send(&()).unwrap();
        let result = self.handle.join_timeout(PATIENCE).expect("and goes once the child has");
        assert_eq!(result.is_ok(), how == "return", "{result:?}");
        self.child.wait_for_end();
    }
}

fn an_exiting_parent_waits_for_children_that_are_no_daemons(method: StartMethod) {
    Parent::start(method, false, false).waits("return");
}

fn a_parent_that_panics_waits_for_its_children_too(method: StartMethod) {
    Parent::start(method, false, false).waits("panic");
}

fn a_parent_that_calls_exit_waits_for_its_children_too(method: StartMethod) {
    Parent::start(method, false, false).waits("exit");
}

fn an_exiting_parent_stops_its_daemons(method: StartMethod) {
    let mut parent = Parent::start(method, true, false);
    parent.gate.send(&"return".into()).unwrap();
    parent.handle.join_timeout(PATIENCE).unwrap().unwrap();
    parent.child.wait_for_end();
}

fn an_exiting_parent_kills_a_daemon_that_ignores_sigterm(method: StartMethod) {
    let mut parent = Parent::start(method, true, true);
    parent.gate.send(&"return".into()).unwrap();
    parent.handle.join_timeout(PATIENCE).unwrap().unwrap();
    parent.child.wait_for_end();
}

fn the_wait_of_an_exiting_parent_can_be_limited(method: StartMethod) {
    let mut parent = Parent::start(method, false, false);
    parent.gate.send(&"limited".into()).unwrap();
    parent.handle.join_timeout(PATIENCE).unwrap().unwrap();
    assert!(!parent.child.has_ended(), "it is left alone");
    parent.childs_gate.send(&()).unwrap();
    parent.child.wait_for_end();
}

static NOTES: std::sync::Mutex<Option<Sender<String>>> = std::sync::Mutex::new(None);

extern "C" fn note_and_leave(_: i32) {
    // The one thread of the daemon waits in a pipe meanwhile and holds no lock.
    NOTES.lock().unwrap().as_mut().unwrap().send(&"cleaned up".into()).unwrap();
    crate::support::leave(0);
}

fn a_daemon_has_time_to_clean_up_after_sigterm(method: StartMethod) {
    let (mut notes, sender) = pipe::<String>().unwrap();
    let parent = |method: StartMethod, notes: Sender<String>| {
        let (mut ready, sender) = pipe::<()>().unwrap();
        let daemon = |notes: Sender<String>, mut ready: Sender<()>| {
            *NOTES.lock().unwrap() = Some(notes);
            crate::support::on_signal(libc::SIGTERM, note_and_leave);
            ready.send(&()).unwrap();
            live_on();
        };
        let daemon = Process::new(daemon, (notes, sender)).daemon(true).start_method(method);
        daemon.start().unwrap().detach();
        ready.recv().unwrap();
    };
    run(method, parent, (method, sender));
    assert_eq!(notes.recv().unwrap(), "cleaned up");
}
