//! How a child ends: codes, hooks, and what it had still to write.
#![allow(clippy::explicit_write, reason = "what a test harness captures must not be meant")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use ipc_pipe::Handle;
use procspawn_core::{ExitStatus, JoinError, JoinHandle, StartMethod};

use crate::support::{at_exit, c_puts, close, contents, each_method, leave, nameless, run, start};

each_method! {
    exit_codes_keep_all_their_bits,
    exit_in_another_thread_ends_the_child,
    an_exit_without_hooks_is_told_by_the_system,
    exit_with_code_0_is_not_a_value,
    exit_hooks_of_the_child_run,
    exit_in_an_exit_hook_does_not_hang,
    buffered_output_of_the_child_is_written_at_its_end,
    buffered_output_of_the_parent_is_written_once,
    a_standard_output_that_cannot_be_written_harms_nobody,
    a_child_that_breaks_its_own_output_still_succeeds,
    standard_input_is_empty,
    standard_streams_that_are_closed_harm_nobody,
    a_writer_to_a_closed_pipe_gets_an_error_and_no_signal,
}

#[track_caller]
fn code_of(child: JoinHandle<()>) -> i32 {
    let known = child.child().clone();
    match child.join() {
        Err(JoinError::Exited(code)) => {
            assert_eq!(known.exit_status(), Some(ExitStatus::Code(code)));
            code
        }
        other => panic!("no exit code: {other:?}"),
    }
}

fn exit_codes_keep_all_their_bits(method: StartMethod) {
    for code in [0, 1, 8, 101, 255, 256, 300, -1, 0x1234_5678, i32::MIN, i32::MAX] {
        let child = start(method, |code: i32| std::process::exit(code), (code,));
        assert_eq!(code_of(child), code);
    }
}

fn exit_in_another_thread_ends_the_child(method: StartMethod) {
    let body = || {
        std::thread::spawn(|| std::process::exit(7)).join().unwrap();
    };
    assert_eq!(code_of(start(method, body, ())), 7);
}

fn an_exit_without_hooks_is_told_by_the_system(method: StartMethod) {
    assert_eq!(code_of(start(method, || leave(7), ())), 7);
    assert_eq!(code_of(start(method, || leave(300), ())), 300 & 0xff);
}

fn exit_with_code_0_is_not_a_value(method: StartMethod) {
    let result = start(method, || -> () { std::process::exit(0) }, ()).join();
    let Err(error @ JoinError::Exited(0)) = result else { panic!("{result:?}") };
    assert!(error.to_string().contains("before the function returned"), "{error}");
}

/// Where the hooks of a child write to.
static SEEN: std::sync::Mutex<Option<File>> = std::sync::Mutex::new(None);

fn note(text: &str) {
    SEEN.lock().unwrap().as_mut().unwrap().write_all(text.as_bytes()).unwrap();
}

extern "C" fn first_hook() {
    note("first registered\n");
}

extern "C" fn second_hook() {
    note("second registered\n");
}

extern "C" fn exiting_hook() {
    note("exits\n");
    leave(9);
}

fn hooked(file: Handle<File>, how: String) {
    *SEEN.lock().unwrap() = Some(file.into_inner());
    at_exit(first_hook);
    at_exit(second_hook);
    match &*how {
        "return" => {}
        "exit" => std::process::exit(3),
        "panic" => panic!("on purpose"),
        _ => unreachable!(),
    }
}

fn exit_hooks_of_the_child_run(method: StartMethod) {
    for how in ["return", "exit", "panic"] {
        let file = nameless();
        let args = (Handle(file.try_clone().unwrap()), how.to_string());
        let result = start(method, hooked, args).join();
        assert_eq!(result.is_ok(), how == "return", "{result:?}");
        assert_eq!(contents(file), "second registered\nfirst registered\n", "{how}");
    }
}

fn exit_in_an_exit_hook_does_not_hang(method: StartMethod) {
    let file = nameless();
    let body = |file: Handle<File>| {
        *SEEN.lock().unwrap() = Some(file.into_inner());
        at_exit(exiting_hook);
        5
    };
    let child = start(method, body, (Handle(file.try_clone().unwrap()),));
    let known = child.child().clone();
    // The function had returned by then, so its value is there; the code is the hook's.
    assert_eq!(child.join().unwrap(), 5);
    // A child of a fork server is not waited for beyond its report, which foresaw code 0.
    let code = known.exit_status().unwrap().code();
    assert!(code == Some(9) || method == StartMethod::ForkServer && code == Some(0), "{code:?}");
    assert_eq!(contents(file), "exits\n");
}

fn buffered_output_of_the_child_is_written_at_its_end(method: StartMethod) {
    let file = nameless();
    rustix::stdio::dup2_stdout(&file).unwrap();
    let body = || {
        write!(std::io::stdout(), "no newline").unwrap();
    };
    run(method, body, ());
    let and_exit = || -> () {
        write!(std::io::stdout(), ", exit").unwrap();
        std::process::exit(1)
    };
    let and_panic = || -> () {
        write!(std::io::stdout(), ", panic").unwrap();
        panic!("on purpose")
    };
    start(method, and_exit, ()).join().unwrap_err();
    start(method, and_panic, ()).join().unwrap_err();
    run(method, || c_puts(c", in C"), ());
    assert_eq!(contents(file), "no newline, exit, panic, in C\n");
}

fn buffered_output_of_the_parent_is_written_once(method: StartMethod) {
    let file = nameless();
    rustix::stdio::dup2_stdout(&file).unwrap();
    write!(std::io::stdout(), "parent, ").unwrap();
    c_puts(c"in C");
    let body = || {
        write!(std::io::stdout(), "child, ").unwrap();
        c_puts(c"child in C");
    };
    run(method, body, ());
    std::io::stdout().flush().unwrap();
    crate::support::c_flush();
    let written = contents(file);
    for part in ["parent, ", "in C\n", "child, ", "child in C\n"] {
        let times = written.matches(part).count();
        let expected = if part == "in C\n" { 2 } else { 1 };
        assert_eq!(times, expected, "{part:?} in {written:?}");
    }
}

fn a_standard_output_that_cannot_be_written_harms_nobody(method: StartMethod) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    rustix::stdio::dup2_stdout(&full).unwrap();
    write!(std::io::stdout(), "goes nowhere").unwrap();
    c_puts(c"nor does this");
    let child = start(method, || 5, ());
    let known = child.child().clone();
    assert_eq!(child.join().unwrap(), 5);
    assert_eq!(known.exit_status(), Some(ExitStatus::Code(0)));
}

fn a_child_that_breaks_its_own_output_still_succeeds(method: StartMethod) {
    let body = || {
        let full = File::options().write(true).open("/dev/full").unwrap();
        write!(std::io::stdout(), "goes nowhere").unwrap();
        rustix::stdio::dup2_stdout(&full).unwrap();
        rustix::stdio::dup2_stderr(&full).unwrap();
        5
    };
    assert_eq!(run(method, body, ()), 5);
    let closes = || {
        write!(std::io::stdout(), "goes nowhere").unwrap();
        close(0);
        close(1);
        close(2);
        6
    };
    assert_eq!(run(method, closes, ()), 6);
}

fn standard_input_is_empty(method: StartMethod) {
    let file = nameless();
    (&file).write_all(b"for the parent only").unwrap();
    rustix::stdio::dup2_stdin(&file).unwrap();
    let read = || {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).unwrap();
        (text, std::fs::read_link("/proc/self/fd/0").unwrap())
    };
    assert_eq!(run(method, read, ()), (String::new(), "/dev/null".into()));
    // The parent's is as it was.
    assert!(std::fs::read_link("/proc/self/fd/0").unwrap().to_string_lossy().contains("memfd"));
}

fn standard_streams_that_are_closed_harm_nobody(method: StartMethod) {
    let kept = [
        std::io::stdin().as_fd().try_clone_to_owned().unwrap(),
        std::io::stdout().as_fd().try_clone_to_owned().unwrap(),
        std::io::stderr().as_fd().try_clone_to_owned().unwrap(),
    ];
    let mut results = Vec::new();
    for closed in [&[0][..], &[1], &[2], &[0, 1, 2], &[1, 2], &[0, 2]] {
        closed.iter().for_each(|number| close(*number));
        let child = procspawn_core::Process::new(|x: u32| x + 1, (1,)).start_method(method).start();
        let result = child.map_err(|error| error.to_string());
        results.push(result.and_then(|child| child.join().map_err(|error| error.to_string())));
        rustix::stdio::dup2_stdin(&kept[0]).unwrap();
        rustix::stdio::dup2_stdout(&kept[1]).unwrap();
        rustix::stdio::dup2_stderr(&kept[2]).unwrap();
    }
    assert_eq!(results, vec![Ok(2); 6]);
}

fn a_writer_to_a_closed_pipe_gets_an_error_and_no_signal(method: StartMethod) {
    let write = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        (&writer).write_all(b"x").unwrap_err().kind() == std::io::ErrorKind::BrokenPipe
    };
    assert!(run(method, write, ()));
}
