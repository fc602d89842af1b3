//! A panic in a child is a value in the parent.

use std::panic::{catch_unwind, panic_any, resume_unwind};

use procspawn_core::{JoinError, JoinHandle, StartMethod};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::{contents, each_method, nameless, set_env, start};

each_method! {
    a_panic_comes_back_with_its_message_and_place,
    every_payload_has_a_message,
    a_backtrace_comes_back_if_the_environment_asks,
    the_usual_message_is_printed_as_well,
    a_panic_in_another_thread_of_the_child_is_no_failure,
    a_panic_that_the_child_catches_is_no_failure,
    the_last_panic_is_told_and_not_an_earlier_one,
    a_panic_while_the_value_is_encoded_comes_back,
    a_panic_while_the_arguments_are_decoded_comes_back,
    a_panic_while_panicking_is_an_abort,
    an_abort_is_a_signal,
    a_stack_overflow_is_a_signal,
    values_are_dropped_when_the_function_panics,
}

/// What came back of a panic.
#[derive(Debug)]
struct Panic {
    message: String,
    location: String,
    backtrace: Option<String>,
    text: String,
}

#[track_caller]
fn panic_of<R: DeserializeOwned + std::fmt::Debug>(child: JoinHandle<R>) -> Panic {
    let known = child.child().clone();
    match child.join() {
        Err(error) => {
            assert_eq!(known.exit_status().unwrap().code(), Some(101));
            let text = error.to_string();
            match error {
                JoinError::Panicked { message, location, backtrace } => {
                    Panic { message, location, backtrace, text }
                }
                _ => panic!("no panic came back: {text}"),
            }
        }
        Ok(value) => panic!("no panic came back, but {value:?}"),
    }
}

fn a_panic_comes_back_with_its_message_and_place(method: StartMethod) {
    let line = line!() + 1;
    let panic = panic_of(start(method, |x: u32| -> u32 { panic!("no {x}") }, (13,)));
    assert_eq!(panic.message, "no 13");
    assert!(panic.location.contains("panics.rs"), "{}", panic.location);
    assert!(panic.location.contains(&format!(":{line}:")), "{}", panic.location);
    assert_eq!(panic.text, format!("the process panicked at {}: no 13", panic.location));
}

fn every_payload_has_a_message(method: StartMethod) {
    let message = |child| panic_of::<()>(child).message;
    assert_eq!(message(start(method, || panic!("plain"), ())), "plain");
    assert_eq!(message(start(method, || panic!(), ())), "explicit panic");
    assert_eq!(message(start(method, || panic_any("str"), ())), "str");
    assert_eq!(message(start(method, || panic_any(String::from("string")), ())), "string");
    assert_eq!(message(start(method, || panic_any(5), ())), "a value that is not text");
    assert_eq!(message(start(method, || resume_unwind(Box::new("no hook")), ())), "no hook");
    let long = "x".repeat(1 << 20);
    assert_eq!(message(start(method, |x: String| panic!("{x}"), (long.clone(),))), long);
    let none = |x: Option<u8>| -> () {
        x.unwrap();
    };
    assert!(message(start(method, none, (None,))).contains("`None`"));
}

fn a_backtrace_comes_back_if_the_environment_asks(method: StartMethod) {
    set_env("RUST_BACKTRACE", "0");
    // Whether one is wanted is asked once in a process, so a forked child takes the host's answer.
    if method != StartMethod::Fork {
        assert_eq!(panic_of::<()>(start(method, || panic!("without"), ())).backtrace, None);
        let traced = || {
            set_env("RUST_BACKTRACE", "1");
            panic!("with")
        };
        let backtrace = panic_of::<()>(start(method, traced, ())).backtrace;
        assert!(backtrace.is_some_and(|trace| trace.contains("procspawn_core")));
    }
    let child = start(StartMethod::Spawn, || panic!("without"), ());
    assert_eq!(panic_of::<()>(child).backtrace, None);
}

fn the_usual_message_is_printed_as_well(method: StartMethod) {
    let file = nameless();
    rustix::stdio::dup2_stderr(&file).unwrap();
    panic_of::<()>(start(method, || panic!("read me"), ()));
    let printed = contents(file);
    assert!(printed.contains("read me") && printed.contains("panics.rs"), "{printed}");
}

fn a_panic_in_another_thread_of_the_child_is_no_failure(method: StartMethod) {
    let body = || std::thread::spawn(|| panic!("aside")).join().is_err();
    assert!(start(method, body, ()).join().unwrap());
}

fn a_panic_that_the_child_catches_is_no_failure(method: StartMethod) {
    let body = || catch_unwind(|| panic!("caught")).is_err();
    assert!(start(method, body, ()).join().unwrap());
}

fn the_last_panic_is_told_and_not_an_earlier_one(method: StartMethod) {
    let body = || {
        let _ = catch_unwind(|| panic!("first"));
        let _ = std::thread::spawn(|| panic!("aside")).join();
        panic!("last")
    };
    assert_eq!(panic_of::<()>(start(method, body, ())).message, "last");
    let body = || {
        let payload = catch_unwind(|| panic!("first")).unwrap_err();
        let _ = catch_unwind(|| panic!("second"));
        resume_unwind(payload)
    };
    let panic = panic_of::<()>(start(method, body, ()));
    assert!(["first", "second"].contains(&&*panic.message), "{panic:?}");
}

#[derive(Debug, Deserialize)]
struct PanicsWhenEncoded;

impl Serialize for PanicsWhenEncoded {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("while encoding")
    }
}

fn a_panic_while_the_value_is_encoded_comes_back(method: StartMethod) {
    assert_eq!(panic_of(start(method, || PanicsWhenEncoded, ())).message, "while encoding");
}

#[derive(Serialize)]
struct PanicsWhenDecoded;

impl<'de> Deserialize<'de> for PanicsWhenDecoded {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("while decoding")
    }
}

fn a_panic_while_the_arguments_are_decoded_comes_back(method: StartMethod) {
    let child = start(method, |_: PanicsWhenDecoded| (), (PanicsWhenDecoded,));
    if method == StartMethod::Fork {
        // Nothing is decoded: the arguments are in the child's memory.
        child.join().unwrap();
    } else {
        assert_eq!(panic_of(child).message, "while decoding");
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("again");
    }
}

#[track_caller]
fn signal_of(child: JoinHandle<()>) -> i32 {
    match child.join() {
        Err(JoinError::Signaled { signal, .. }) => signal,
        other => panic!("no signal: {other:?}"),
    }
}

fn a_panic_while_panicking_is_an_abort(method: StartMethod) {
    let body = || {
        let _bomb = PanicsWhenDropped;
        panic!("once");
    };
    assert_eq!(signal_of(start(method, body, ())), libc::SIGABRT);
}

fn an_abort_is_a_signal(method: StartMethod) {
    assert_eq!(signal_of(start(method, || std::process::abort(), ())), libc::SIGABRT);
}

fn deeper(x: u64) -> u64 {
    let pad = std::hint::black_box([x; 64]);
    if x == u64::MAX { 0 } else { deeper(x + 1) + pad[7] }
}

fn a_stack_overflow_is_a_signal(method: StartMethod) {
    let body = |x: u64| -> () {
        deeper(x);
    };
    let signal = signal_of(start(method, body, (0,)));
    assert!([libc::SIGABRT, libc::SIGSEGV].contains(&signal), "{signal}");
}

struct Says(std::fs::File);

impl Drop for Says {
    fn drop(&mut self) {
        std::io::Write::write_all(&mut self.0, b"dropped").unwrap();
    }
}

fn values_are_dropped_when_the_function_panics(method: StartMethod) {
    let file = nameless();
    let body = |file: ipc_pipe::Handle<std::fs::File>| -> () {
        let _says = Says(file.into_inner());
        panic!("unwinding")
    };
    panic_of(start(method, body, (ipc_pipe::Handle(file.try_clone().unwrap()),)));
    assert_eq!(contents(file), "dropped");
}
