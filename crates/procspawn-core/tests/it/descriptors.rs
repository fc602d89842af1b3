//! Which descriptors a child has, which a parent keeps, and how many can travel.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};

use ipc_pipe::{Handle, pipe};
use procspawn_core::{Process, StartMethod};

use crate::support::{
    Living, assert_no_new_descriptors, close, descriptors, each_method, inheritable_at, live_on,
    nameless, only, run, start,
};

each_method! {
    a_child_has_few_descriptors_and_no_more_with_more_siblings,
    a_descriptor_of_ours_is_never_inheritable,
    an_unrelated_private_descriptor_stays_here,
    an_unrelated_inheritable_descriptor_goes_where_the_system_takes_it,
    only_what_is_in_the_arguments_goes_along,
    starting_and_joining_leaves_no_descriptor_behind,
    two_hundred_and_fifty_descriptors_go_along_and_come_back,
    six_hundred_descriptors_go_along_and_come_back,
    the_end_of_a_pipe_is_seen_when_the_child_has_died,
}

only! { Fork: a_forked_child_lets_go_of_the_sockets_of_its_siblings }

fn a_child_has_few_descriptors_and_no_more_with_more_siblings(method: StartMethod) {
    let alone = run(method, descriptors, ());
    let siblings: Vec<_> = (0..10).map(|_| Living::start(method)).collect();
    let crowded = run(method, descriptors, ());
    siblings.into_iter().for_each(|sibling| sibling.end().unwrap());
    if method == StartMethod::Fork {
        // It has a copy of all that its parent holds.
        return;
    }
    assert_eq!(alone.len(), crowded.len(), "{alone:?} {crowded:?}");
    // Whoever runs the tests may have left some that are inheritable.
    let strange = inheritable();
    for seen in [alone, crowded] {
        assert_eq!(seen[&0], "/dev/null");
        // Beyond the standard streams: the socket to report on, and a descriptor for the parent.
        let others = seen.iter().filter(|(fd, _)| **fd > 2 && !strange.contains_key(*fd));
        let others: Vec<_> = others.map(|(_, to)| &**to).collect();
        let kind = |kind: &str| others.iter().filter(|to| to.starts_with(kind)).count();
        assert_eq!(
            (others.len(), kind("socket:"), kind("anon_inode:[pidfd]")),
            (2, 1, 1),
            "{seen:?}"
        );
    }
}

/// Whether a descriptor is closed on exec, by its entry in `/proc`.
fn is_private(number: i32) -> bool {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap() & libc::O_CLOEXEC != 0
}

fn inheritable() -> BTreeMap<i32, String> {
    descriptors().into_iter().filter(|(number, _)| *number > 2 && !is_private(*number)).collect()
}

fn a_descriptor_of_ours_is_never_inheritable(method: StartMethod) {
    let before = inheritable();
    let living = Living::start(method);
    let daemon = Process::new(live_on, ()).daemon(true).start_method(method).start().unwrap();
    assert_eq!(inheritable(), before);
    let within = run(method, inheritable, ());
    assert_eq!(within, before, "nor in a child");
    living.end().unwrap();
    daemon.kill().unwrap();
    daemon.join().unwrap_err();
}

fn is_open(number: i32) -> bool {
    descriptors().contains_key(&number)
}

fn an_unrelated_private_descriptor_stays_here(method: StartMethod) {
    let high = rustix::io::fcntl_dupfd_cloexec(nameless(), 500).unwrap();
    assert!(is_open(500));
    assert_eq!(run(method, is_open, (500,)), method == StartMethod::Fork);
    drop(high);
}

fn an_unrelated_inheritable_descriptor_goes_where_the_system_takes_it(method: StartMethod) {
    // One that the host has made inheritable on purpose. An exec keeps it, as does a fork.
    inheritable_at(500, nameless());
    assert!(run(method, is_open, (500,)));
    if method == StartMethod::ForkServer {
        // The server has it by the one exec; later ones do not reach it.
        inheritable_at(501, nameless());
        assert!(!run(method, is_open, (501,)));
        close(501);
    }
    close(500);
}

fn only_what_is_in_the_arguments_goes_along(method: StartMethod) {
    let (kept, given) = (nameless(), nameless());
    (&given).write_all(b"given").unwrap();
    let args = (Handle(given.try_clone().unwrap()),);
    let files = |mut given: Handle<File>| {
        let mut text = String::new();
        given.rewind().unwrap();
        given.read_to_string(&mut text).unwrap();
        let files = descriptors().into_values().filter(|to| to.contains("memfd:test")).count();
        (text, files)
    };
    let (text, files) = run(method, files, args);
    assert_eq!(text, "given");
    if method != StartMethod::Fork {
        assert_eq!(files, 1);
    }
    drop(kept);
}

fn starting_and_joining_leaves_no_descriptor_behind(method: StartMethod) {
    let before = descriptors();
    for n in 0..10 {
        run(method, |x: u32| x, (n,));
        start(method, |_: u32| panic!("on purpose"), (n,)).join().map(|(): ()| ()).unwrap_err();
        let killed = start(method, live_on, ());
        killed.kill().unwrap();
        killed.join().unwrap_err();
        let file = Handle(nameless());
        drop(run(method, |file: Handle<File>| file, (file,)));
        let mut timed = Living::start(method);
        assert!(timed.handle.try_join().is_none());
        timed.end().unwrap();
    }
    assert_no_new_descriptors(&before);
}

/// Sends that many files, each with its number in it, and gets them back.
fn travel(method: StartMethod, count: u64) {
    let before = descriptors();
    let files: Vec<_> = (0..count)
        .map(|number| {
            let mut file = nameless();
            file.write_all(&number.to_le_bytes()).unwrap();
            Handle(file)
        })
        .collect();
    let add_one = |files: Vec<Handle<File>>| {
        for (number, file) in (0u64..).zip(&files) {
            assert_eq!(read_number(file), number);
            (&file.0).rewind().unwrap();
            (&file.0).write_all(&(number + 1).to_le_bytes()).unwrap();
        }
        files
    };
    let back = run(method, add_one, (files,));
    assert_eq!(back.len() as u64, count);
    for (number, file) in (0..).zip(&back) {
        assert_eq!(read_number(file), number + 1);
    }
    drop(back);
    assert_no_new_descriptors(&before);
}

fn read_number(file: &Handle<File>) -> u64 {
    let mut bytes = [0; 8];
    (&file.0).rewind().unwrap();
    (&file.0).read_exact(&mut bytes).unwrap();
    u64::from_le_bytes(bytes)
}

fn two_hundred_and_fifty_descriptors_go_along_and_come_back(method: StartMethod) {
    travel(method, 250);
}

fn six_hundred_descriptors_go_along_and_come_back(method: StartMethod) {
    travel(method, 600);
}

fn the_end_of_a_pipe_is_seen_when_the_child_has_died(method: StartMethod) {
    let sibling = Living::start(method);
    let (mut receiver, sender) = pipe::<u32>().unwrap();
    let body = |mut sender: ipc_pipe::Sender<u32>| {
        sender.send(&1).unwrap();
        live_on();
    };
    let child = start(method, body, (sender,));
    let later = Living::start(method);
    assert_eq!(receiver.recv().unwrap(), 1);
    child.kill().unwrap();
    child.join().unwrap_err();
    assert!(matches!(receiver.recv(), Err(ipc_pipe::RecvError::Disconnected)));
    sibling.end().unwrap();
    later.end().unwrap();
}

fn a_forked_child_lets_go_of_the_sockets_of_its_siblings(_: StartMethod) {
    let siblings: Vec<_> = (0..5).map(|_| start(StartMethod::Fork, live_on, ())).collect();
    let sockets = || descriptors().into_values().filter(|to| to.starts_with("socket:")).count();
    assert_eq!(run(StartMethod::Fork, sockets, ()), 1, "its own to report on");
    for sibling in siblings {
        sibling.kill().unwrap();
        sibling.join().unwrap_err();
    }
}
