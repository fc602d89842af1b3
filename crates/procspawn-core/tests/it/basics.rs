//! A process from its start to its end, as its parent sees it.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipc_pipe::Handle;
use procspawn_core::{
    ExitStatus, JoinError, JoinHandle, Process, Run, StartMethod, active_children, current_process,
    parent_process,
};
use serde::{Deserialize, Serialize};

use crate::support::{Living, children, contents, each_method, live_on, nameless, run, start};

each_method! {
    a_value_comes_back,
    arguments_arrive_unchanged,
    up_to_eight_arguments_are_passed,
    a_life_from_start_to_join,
    the_child_is_another_process_with_a_thread_of_its_own,
    terminate_ends_a_child_by_sigterm,
    kill_ends_a_child_by_sigkill,
    interrupt_ends_a_child_by_sigint,
    signals_after_the_end_have_no_effect,
    one_hundred_children_at_once_all_succeed,
    one_hundred_children_terminated_at_once_all_say_so,
    children_interrupted_at_once_all_say_so,
    children_are_active_exactly_while_they_live,
    the_parent_drops_its_copy_of_the_arguments_at_start,
    a_tree_of_processes_reports_depth_first,
    names_tell_the_place_in_the_family,
    a_name_that_is_given_is_kept,
    a_type_with_a_run_method_is_work_too,
    a_runner_talks_to_its_parent,
    globals_are_not_shared,
    a_process_description_and_a_child_print_what_they_are,
}

fn a_value_comes_back(method: StartMethod) {
    assert_eq!(run(method, |x: u32| x + 1, (41,)), 42);
}

fn arguments_arrive_unchanged(method: StartMethod) {
    let text = "grüße\0\n".to_string();
    let list = vec![Some(1.5f64), None, Some(f64::NEG_INFINITY)];
    let got = run(
        method,
        |text: String, list: Vec<Option<f64>>, wide: i128, unit: ()| (text, list, wide, unit),
        (text.clone(), list.clone(), i128::MIN, ()),
    );
    assert_eq!(got, (text, list, i128::MIN, ()));
}

fn up_to_eight_arguments_are_passed(method: StartMethod) {
    type N = u64;
    let sums = [
        run(method, || 0, ()),
        run(method, |a: N| a, (1,)),
        run(method, |a: N, b: N| a + b, (1, 2)),
        run(method, |a: N, b: N, c: N| a + b + c, (1, 2, 3)),
        run(method, |a: N, b: N, c: N, d: N| a + b + c + d, (1, 2, 3, 4)),
        run(method, |a: N, b: N, c: N, d: N, e: N| a + b + c + d + e, (1, 2, 3, 4, 5)),
        run(method, |a: N, b: N, c: N, d: N, e: N, f: N| a + b + c + d + e + f, (1, 2, 3, 4, 5, 6)),
        run(
            method,
            |a: N, b: N, c: N, d: N, e: N, f: N, g: N| a + b + c + d + e + f + g,
            (1, 2, 3, 4, 5, 6, 7),
        ),
        run(
            method,
            |a: N, b: N, c: N, d: N, e: N, f: N, g: N, h: N| a + b + c + d + e + f + g + h,
            (1, 2, 3, 4, 5, 6, 7, 8),
        ),
    ];
    assert_eq!(sums, [0, 1, 3, 6, 10, 15, 21, 28, 36]);
}

fn a_life_from_start_to_join(method: StartMethod) {
    let process = Process::new(introduce, (vec![1, 2],)).start_method(method).name("worker");
    assert!(active_children().is_empty());
    assert!(children().is_empty(), "nothing starts before `start`");

    let child = process.daemon(true).start().unwrap();
    let known = child.child().clone();
    assert_eq!(child.name(), "worker");
    assert!(child.is_daemon());
    assert_eq!(child.start_method(), method);

    let seen = child.join().unwrap();
    assert_eq!(seen, (known.pid(), "worker".into(), true, method, std::process::id(), vec![1, 2]));
    assert_eq!(known.exit_status(), Some(ExitStatus::Code(0)));
    assert!(known.exit_status().unwrap().success());
    assert!(!known.is_alive());
    assert!(active_children().is_empty());
}

type Introduction = (u32, String, bool, StartMethod, u32, Vec<u8>);

fn introduce(list: Vec<u8>) -> Introduction {
    let this = current_process();
    let parent = parent_process().unwrap();
    let method = this.start_method().unwrap();
    (this.pid(), this.name().into(), this.is_daemon(), method, parent.pid(), list)
}

fn the_child_is_another_process_with_a_thread_of_its_own(method: StartMethod) {
    let ids = || (rustix::process::getpid().as_raw_pid(), rustix::thread::gettid().as_raw_pid());
    let (pid, thread) = run(method, ids, ());
    assert_eq!(pid, thread, "the function runs in the child's first thread");
    assert_ne!(pid, ids().0);
}

fn ended_by(method: StartMethod, signal: impl Fn(&Living), number: i32) {
    let mut living = Living::start(method);
    assert!(living.handle.join_timeout(Duration::ZERO).is_none());
    assert!(living.handle.try_join().is_none());
    assert!(living.handle.is_alive());
    signal(&living);
    let known = living.handle.child().clone();
    let result = living.handle.join();
    let Err(JoinError::Signaled { signal, core_dumped: false }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(signal, number);
    assert_eq!(known.exit_status().unwrap().signal(), Some(number));
    assert_eq!(known.wait(), known.exit_status().unwrap(), "waiting again is harmless");
    assert!(!known.is_alive());
    assert!(active_children().is_empty());
}

fn terminate_ends_a_child_by_sigterm(method: StartMethod) {
    ended_by(method, |living| living.handle.terminate().unwrap(), libc::SIGTERM);
}

fn kill_ends_a_child_by_sigkill(method: StartMethod) {
    ended_by(method, |living| living.handle.kill().unwrap(), libc::SIGKILL);
}

fn interrupt_ends_a_child_by_sigint(method: StartMethod) {
    ended_by(method, |living| living.handle.interrupt().unwrap(), libc::SIGINT);
}

fn signals_after_the_end_have_no_effect(method: StartMethod) {
    let child = start(method, || 5, ());
    let known = child.child().clone();
    assert_eq!(child.join().unwrap(), 5);
    known.terminate().unwrap();
    known.kill().unwrap();
    known.interrupt().unwrap();
    assert_eq!(known.exit_status(), Some(ExitStatus::Code(0)));

    // Ended, but not reaped yet.
    let child = start(method, || 6, ());
    ipc_pipe::wait(&[child.sentinel()], None).unwrap();
    child.kill().unwrap();
    assert_eq!(child.join().unwrap(), 6);
}

fn one_hundred_children_at_once_all_succeed(method: StartMethod) {
    let all: Vec<_> = (0..100).map(|n: u32| start(method, |n: u32| n, (n,))).collect();
    for (n, child) in (0..).zip(all) {
        let known = child.child().clone();
        assert_eq!(child.join().unwrap(), n);
        assert_eq!(known.exit_status(), Some(ExitStatus::Code(0)));
    }
}

fn one_hundred_children_terminated_at_once_all_say_so(method: StartMethod) {
    let all: Vec<_> = (0..100).map(|_| start(method, live_on, ())).collect();
    all.iter().for_each(|child| child.terminate().unwrap());
    all.into_iter().for_each(|child| assert_signaled(child, libc::SIGTERM));
}

fn children_interrupted_at_once_all_say_so(method: StartMethod) {
    for _ in 0..50 {
        let child = start(method, live_on, ());
        child.interrupt().unwrap();
        assert_signaled(child, libc::SIGINT);
    }
}

#[track_caller]
fn assert_signaled(child: JoinHandle<()>, expected: i32) {
    let result = child.join();
    let signaled = matches!(result, Err(JoinError::Signaled { signal, .. }) if signal == expected);
    assert!(signaled, "{result:?}");
}

fn children_are_active_exactly_while_they_live(method: StartMethod) {
    let pids = || active_children().iter().map(|child| child.pid()).collect::<Vec<_>>();
    assert!(pids().is_empty());
    let first = Living::start(method);
    let second = Living::start(method);
    let mut expected = [first.handle.pid(), second.handle.pid()];
    let mut active = pids();
    active.sort();
    expected.sort();
    assert_eq!(active, expected);

    let second_pid = second.handle.pid();
    first.end().unwrap();
    assert_eq!(pids(), [second_pid]);
    second.end().unwrap();
    assert!(pids().is_empty());
}

/// Counts how often it has been dropped in this process.
#[derive(Serialize, Deserialize)]
struct Counted(u8);

static DROPPED: AtomicUsize = AtomicUsize::new(0);

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

fn the_parent_drops_its_copy_of_the_arguments_at_start(method: StartMethod) {
    let child = start(method, |counted: Counted| counted.0, (Counted(9),));
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
    assert_eq!(child.join().unwrap(), 9);
}

fn a_tree_of_processes_reports_depth_first(method: StartMethod) {
    let file = nameless();
    grow(Vec::new(), Handle(file.try_clone().unwrap()), method);
    let expected =
        ["[]", "[0]", "[0, 0]", "[0, 1]", "[1]", "[1, 0]", "[1, 1]"].map(|id| format!("{id}\n"));
    assert_eq!(contents(file), expected.concat());
}

/// Writes down its place in the tree and has two children do so, one after the other.
fn grow(id: Vec<u8>, mut file: Handle<File>, method: StartMethod) {
    writeln!(file, "{id:?}").unwrap();
    if id.len() < 2 {
        for n in 0..2 {
            let id = id.iter().copied().chain([n]).collect();
            run(method, grow, (id, Handle(file.try_clone().unwrap()), method));
        }
    }
}

fn names_tell_the_place_in_the_family(method: StartMethod) {
    let first = start(method, family_names, (method,));
    let (own, child) = (first.name().to_string(), first.join().unwrap());
    assert!(own.starts_with("Process-") && own.ends_with(":1"), "{own}");
    assert_eq!(child, (own.clone(), format!("{own}:1"), format!("{own}:2")));

    let second = start(method, || (), ());
    assert_eq!(second.name(), format!("{}2", own.strip_suffix('1').unwrap()));
    second.join().unwrap();
}

fn family_names(method: StartMethod) -> (String, String, String) {
    let name = || current_process().name().to_string();
    (name(), run(method, name, ()), run(method, name, ()))
}

fn a_name_that_is_given_is_kept(method: StartMethod) {
    for name in [
        "",
        "a",
        "a name with ünïcödé and spaces, longer than the system's fifteen bytes",
        "nul\0nul",
    ] {
        let name = name.to_string();
        let child = Process::new(|| current_process().name().to_string(), ())
            .start_method(method)
            .name(name.clone())
            .start()
            .unwrap();
        assert_eq!(child.name(), name);
        assert_eq!(child.join().unwrap(), name);
    }
}

#[derive(Serialize, Deserialize)]
struct Countdown {
    from: u32,
    seen: Vec<u32>,
}

impl Run for Countdown {
    type Output = Vec<u32>;

    fn run(mut self) -> Vec<u32> {
        while self.from > 0 {
            self.seen.push(self.from);
            self.from -= 1;
        }
        self.seen
    }
}

fn a_type_with_a_run_method_is_work_too(method: StartMethod) {
    let countdown = Countdown { from: 3, seen: vec![9] };
    let child = Process::of(countdown).start_method(method).start().unwrap();
    assert_eq!(child.join().unwrap(), [9, 3, 2, 1]);
}

#[derive(Serialize, Deserialize)]
struct Upper {
    lines: ipc_pipe::Connection<String, String>,
}

impl Run for Upper {
    type Output = usize;

    fn run(mut self) -> usize {
        let mut count = 0;
        while let Ok(line) = self.lines.recv() {
            if line.is_empty() {
                break;
            }
            count += 1;
            self.lines.send(&line.to_uppercase()).unwrap();
        }
        count
    }
}

fn a_runner_talks_to_its_parent(method: StartMethod) {
    let (mut ours, lines) = ipc_pipe::duplex::<String, String>().unwrap();
    let child = Process::of(Upper { lines }).start_method(method).start().unwrap();
    for word in ["hello", "world"] {
        ours.send(&word.to_string()).unwrap();
        assert_eq!(ours.recv().unwrap(), word.to_uppercase());
    }
    ours.send(&String::new()).unwrap();
    assert_eq!(child.join().unwrap(), 2);
}

static GLOBAL: AtomicUsize = AtomicUsize::new(1);

fn globals_are_not_shared(method: StartMethod) {
    assert_eq!(run(method, || GLOBAL.fetch_add(10, Ordering::Relaxed) + 10, ()), 11);
    assert_eq!(GLOBAL.load(Ordering::Relaxed), 1);
}

fn a_process_description_and_a_child_print_what_they_are(method: StartMethod) {
    let process = Process::new(|| (), ()).name("x").daemon(true).start_method(method);
    let text = format!("{process:?}");
    assert!(text.contains("\"x\"") && text.contains("true"), "{text}");
    let child = process.start().unwrap();
    let text = format!("{child:?}");
    assert!(text.contains("\"x\"") && text.contains(&child.pid().to_string()), "{text}");
    child.join().unwrap();
}
