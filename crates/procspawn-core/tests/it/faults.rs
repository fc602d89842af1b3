//! Bad arguments, children killed at awkward moments, and systems with nothing left.

use ipc_pipe::{Bytes, Handle};
use procspawn_core::{JoinError, Process, StartError, StartMethod};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit, setrlimit};
use serde::{Deserialize, Deserializer, Serialize};

use crate::support::{
    Living, assert_no_new_descriptors, become_user, children, descriptors, each_method, live_on,
    nameless, pid_of, resident, run, skip, start,
};
use crate::values::{Deaf, Mute};

each_method! {
    arguments_that_cannot_be_encoded_are_an_error_of_start,
    arguments_that_do_not_decode_are_an_error_of_join,
    a_child_killed_while_it_decodes_its_arguments_is_signaled,
    a_child_killed_while_its_value_is_encoded_is_signaled,
    a_child_killed_at_any_moment_gives_a_value_or_a_signal,
    arguments_and_values_of_256_mib_arrive,
    starts_without_descriptors_are_errors_and_leave_nothing,
    starts_without_processes_are_errors_and_leave_nothing,
    a_thousand_children_one_after_the_other_leave_nothing,
    a_value_too_big_for_the_childs_limits_is_an_error_of_join,
}

fn arguments_that_cannot_be_encoded_are_an_error_of_start(method: StartMethod) {
    let before = descriptors();
    // The file shows that descriptors attached before the refusal are closed again.
    let process = Process::new(|_: Handle<std::fs::File>, _: Mute| 1, (Handle(nameless()), Mute));
    let result = process.start_method(method).start();
    if method == StartMethod::Fork {
        // Nothing is encoded: the arguments are in the child's memory.
        assert_eq!(result.unwrap().join().unwrap(), 1);
    } else {
        let Err(StartError::Encode(error)) = result else { panic!("{result:?}") };
        assert!(!error.to_string().is_empty());
    }
    assert!(procspawn_core::active_children().is_empty());
    assert!(children().iter().all(|child| Some(child.pid) == procspawn_core::forkserver_pid()));
    assert_no_new_descriptors(&before);
}

fn arguments_that_do_not_decode_are_an_error_of_join(method: StartMethod) {
    let result = start(method, |_: Deaf| 1, (Deaf(3),)).join();
    if method == StartMethod::Fork {
        assert_eq!(result.unwrap(), 1);
    } else {
        assert!(matches!(result, Err(JoinError::Arguments(_))), "{result:?}");
    }
}

fn kill_self() -> ! {
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, Signal::KILL).unwrap();
    loop {
        std::thread::park();
    }
}

#[derive(Debug)]
struct Deadly;

impl<'de> Deserialize<'de> for Deadly {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?;
        kill_self()
    }
}

impl Serialize for Deadly {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if procspawn_core::current_process().name() == "victim" {
            kill_self();
        }
        serializer.serialize_u8(1)
    }
}

#[track_caller]
fn assert_killed<R: std::fmt::Debug>(result: Result<R, JoinError>) {
    let killed = matches!(result, Err(JoinError::Signaled { signal: libc::SIGKILL, .. }));
    assert!(killed, "{result:?}");
}

fn a_child_killed_while_it_decodes_its_arguments_is_signaled(method: StartMethod) {
    if method == StartMethod::Fork {
        // A forked child decodes nothing; one that kills itself in its function stands for it.
        return assert_killed(start(method, || -> u8 { kill_self() }, ()).join());
    }
    let big = vec![1u8; 1 << 20];
    assert_killed(start(method, |_: Vec<u8>, _: Deadly| 1, (big, Deadly)).join());
}

fn a_child_killed_while_its_value_is_encoded_is_signaled(method: StartMethod) {
    let process = Process::new(|| (vec![1u8; 1 << 20], 5u8), ()).start_method(method);
    process.start().unwrap().join().unwrap();
    let victim = Process::new(|| Victim, ()).name("victim").start_method(method).start().unwrap();
    assert_killed(victim.join());
}

/// Kills the process that encodes it.
#[derive(Debug, Deserialize)]
struct Victim;

impl Serialize for Victim {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Deadly.serialize(serializer)
    }
}

fn a_child_killed_at_any_moment_gives_a_value_or_a_signal(method: StartMethod) {
    let before = descriptors();
    let mut values = 0;
    for round in 0..60u64 {
        let body = |text: String| text.repeat(2);
        let child = start(method, body, ("x".repeat(100_000),));
        // A little longer each time, to meet the child at another step of its life.
        let until = std::time::Instant::now() + std::time::Duration::from_micros(round * 150);
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        match child.join() {
            Ok(value) => {
                assert_eq!(value.len(), 200_000);
                values += 1;
            }
            Err(JoinError::Signaled { signal: libc::SIGKILL, .. }) => {}
            Err(other) => panic!("round {round}: {other:?}"),
        }
    }
    eprintln!("{values} of 60 were quicker");
    assert_no_new_descriptors(&before);
}

fn arguments_and_values_of_256_mib_arrive(method: StartMethod) {
    let len = 256 << 20;
    let check = |bytes: Bytes| {
        assert_eq!((bytes[0], bytes[bytes.len() / 2], bytes[bytes.len() - 1]), (1, 0, 2));
        bytes.len()
    };
    let mut big = vec![0u8; len];
    (big[0], big[len - 1]) = (1, 2);
    assert_eq!(run(method, check, (Bytes::from(big),)), len);
    let make = |len: usize| {
        let mut big = vec![0u8; len];
        (big[0], big[len - 1]) = (1, 2);
        Bytes::from(big)
    };
    assert_eq!(check(run(method, make, (len,))), len);
}

/// The number of descriptors that this process may have from now on: those it has, and `more`.
fn limit_descriptors(more: usize) {
    // The limit is on numbers, so the gaps below the highest are filled first.
    let highest = *descriptors().keys().last().unwrap() as u64;
    let limits = getrlimit(Resource::Nofile);
    let current = Some(highest + 1 + more as u64);
    setrlimit(Resource::Nofile, Rlimit { current, maximum: limits.maximum }).unwrap();
}

fn raise_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

/// Files in all free places below the highest descriptor.
fn fill_gaps() -> Vec<std::fs::File> {
    let highest = *descriptors().keys().last().unwrap();
    let mut files = Vec::new();
    loop {
        let file = nameless();
        if std::os::fd::AsRawFd::as_raw_fd(&file) > highest {
            return files;
        }
        files.push(file);
    }
}

fn starts_without_descriptors_are_errors_and_leave_nothing(method: StartMethod) {
    // The first server is there already, or none; both must do.
    for warm in [false, true] {
        if warm {
            run(method, || 1, ());
        }
        let mut successes = 0;
        for free in 0..=14 {
            let before = descriptors();
            let gaps = fill_gaps();
            limit_descriptors(free);
            let body = |file: Handle<std::fs::File>| drop(file);
            let given = rustix::io::dup(std::io::stdout()).map(std::fs::File::from);
            let result = given.map_err(std::io::Error::from).and_then(|given| {
                let process = Process::new(body, (Handle(given),)).start_method(method);
                Ok(process.start()?.join())
            });
            raise_limit();
            drop(gaps);
            match result {
                Ok(Ok(())) => successes += 1,
                // A child has no more room than its parent.
                Ok(Err(error)) => assert!(!error.to_string().is_empty()),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
            assert_no_new_descriptors(&before);
            let server = procspawn_core::forkserver_pid();
            let left: Vec<_> = children().into_iter().filter(|c| Some(c.pid) != server).collect();
            assert!(left.is_empty(), "{free} free: {left:?}");
        }
        assert!(successes > 0, "it is enough at last");
        for x in 0..3 {
            assert_eq!(run(method, |x: u32| x + 1, (x,)), x + 1, "all is well afterwards");
        }
    }
}

fn starts_without_processes_are_errors_and_leave_nothing(method: StartMethod) {
    if !rustix::process::geteuid().is_root() {
        return skip(
            "the limit is of all processes of a user, so it takes root to become a fresh one",
        );
    }
    become_user(54_321 + method as u32);
    let program = std::env::current_exe().unwrap();
    if std::fs::File::open(&program).is_err() {
        return skip("the folder of this program is closed to other users");
    }
    // The fork server is a process of this user too.
    run(method, || 1, ());
    run(method, || 1, ());
    let before = descriptors();
    let own = std::fs::read_dir("/proc").unwrap().flatten();
    let uid = rustix::process::getuid();
    let ours = own.filter(|entry| {
        std::fs::metadata(entry.path()).is_ok_and(|meta| {
            use std::os::unix::fs::MetadataExt;
            meta.uid() == uid.as_raw() && entry.file_name().to_string_lossy().parse::<u32>().is_ok()
        })
    });
    let limit = Some(ours.count() as u64);
    let unlimited = getrlimit(Resource::Nproc);
    let set = |limit: Rlimit| {
        setrlimit(Resource::Nproc, limit).unwrap();
        // A fork server has limits of its own, which it took from this process at its start.
        if let Some(server) = procspawn_core::forkserver_pid() {
            let _ = prlimit(Some(pid_of(server)), Resource::Nproc, limit);
        }
    };
    set(Rlimit { current: limit, ..unlimited });
    // A fork server may have had one child at hand, so that the first start succeeds.
    let mut living = Vec::new();
    let error = loop {
        match Process::new(live_on, ()).start_method(method).start() {
            Ok(child) => living.push(child),
            Err(error) => break error,
        }
        assert!(living.len() < 5, "the limit does not hold");
    };
    let text = error.to_string();
    assert!(matches!(error, StartError::Io { .. }), "{text}");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::WouldBlock, "{text}");
    for child in living {
        child.kill().unwrap();
        child.join().unwrap_err();
    }
    set(unlimited);
    for x in 0..3 {
        assert_eq!(run(method, |x: u32| x + 1, (x,)), x + 1);
    }
    assert_no_new_descriptors(&before);
}

fn a_thousand_children_one_after_the_other_leave_nothing(method: StartMethod) {
    let batch = |n: u32| {
        let children: Vec<_> = (0..n).map(|x| start(method, |x: u32| x, (x,))).collect();
        children.into_iter().map(|child| child.join().unwrap()).sum::<u32>()
    };
    batch(50);
    let (before, resident_before) = (descriptors(), resident());
    for _ in 0..20 {
        assert_eq!(batch(50), (0..50).sum());
    }
    assert_no_new_descriptors(&before);
    assert_eq!(crate::support::zombies(), 0);
    let grown = resident().saturating_sub(resident_before);
    assert!(grown < 4 << 20, "{grown} bytes more are resident");
}

fn a_value_too_big_for_the_childs_limits_is_an_error_of_join(method: StartMethod) {
    let body = || {
        // A memory file of that size is then refused, and the signal for it is ignored.
        crate::support::set_signal(libc::SIGXFSZ, libc::SIG_IGN);
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(Resource::Fsize, none).unwrap();
        Bytes::from(vec![1; 1 << 20])
    };
    let result = start(method, body, ()).join();
    assert!(matches!(result, Err(JoinError::Encode(_))), "{result:?}");
    Living::start(method).end().unwrap();
}
