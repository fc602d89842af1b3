//! Connections between processes.

use std::time::{Duration, Instant};

use ipc_pipe::{Connection, RecvError, duplex};
use serde::{Deserialize, Serialize};

use crate::child::{self, Reaped};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Value {
    Unit,
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Record { key: Option<u64>, value: Box<Value> },
}

fn some_value() -> Value {
    let number = Value::Record { key: Some(7), value: Box::new(Value::Number(1.5)) };
    Value::List(vec![Value::Unit, number, Value::Text("ä".into()), Value::List(vec![])])
}

/// Sends every value back, until there are no more.
#[test]
#[ignore = "the child of other tests"]
fn echo() {
    let Some(mut end) = child::end::<Value, Value>() else { return };
    while let Ok(value) = end.recv() {
        end.send(&value).unwrap();
    }
}

#[test]
#[ignore = "the child of other tests"]
fn echo_bytes() {
    let Some(mut end) = child::end::<(), ()>() else { return };
    while let Ok(bytes) = end.recv_bytes() {
        end.send_bytes(&bytes).unwrap();
    }
}

fn with_child<S, R>(name: &str) -> (Connection<S, R>, Reaped) {
    let (here, there) = duplex::<S, R>().unwrap();
    let child = Reaped(child::start(name, &there));
    (here, child)
}

#[test]
fn objects_come_back() {
    let (mut echo, _child) = with_child::<Value, Value>("connection::echo");
    for value in [some_value(), Value::Unit, some_value()] {
        echo.send(&value).unwrap();
        assert_eq!(echo.recv().unwrap(), value);
    }
}

#[test]
fn bytes_come_back() {
    let (echo, _child) = with_child::<(), ()>("connection::echo_bytes");
    let (mut sender, mut receiver) = echo.split();
    for len in [0, 1, 47, 48, 49, 63, 64, 65, 4096, 300_000, 16 << 20] {
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let back = std::thread::scope(|scope| {
            scope.spawn(|| sender.send_bytes(&bytes).unwrap());
            receiver.recv_bytes().unwrap()
        });
        assert_eq!(back, bytes);
    }
}

#[test]
fn into_a_buffer_at_an_offset() {
    let (mut echo, _child) = with_child::<(), ()>("connection::echo_bytes");
    let mut buffer = [0; 10];
    echo.send_bytes(b"abc").unwrap();
    assert_eq!(echo.recv_bytes_into(&mut buffer[4..]).unwrap(), 3);
    assert_eq!(&buffer, b"\0\0\0\0abc\0\0\0");
}

#[test]
fn end_when_the_child_is_killed() {
    let (mut echo, mut child) = with_child::<Value, Value>("connection::echo");
    echo.send(&Value::Unit).unwrap();
    echo.recv().unwrap();
    child.0.kill().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    assert!(matches!(echo.recv_deadline(deadline), Err(RecvError::Disconnected)));
}

/// The starting process closes its copy of the other end at once.
#[test]
fn spawn_close() {
    let (mut here, there) = duplex::<Value, Value>().unwrap();
    let _child = Reaped(child::start("connection::echo", &there));
    drop(there);
    here.send(&some_value()).unwrap();
    assert_eq!(here.recv().unwrap(), some_value());
}

#[test]
fn poll_when_empty_and_when_not() {
    let (mut here, mut there) = duplex::<u8, u8>().unwrap();
    let begin = Instant::now();
    assert!(!here.poll(Some(Duration::ZERO)).unwrap());
    assert!(!here.poll(Some(Duration::from_millis(50))).unwrap());
    assert!(begin.elapsed() >= Duration::from_millis(50));
    there.send(&1).unwrap();
    for timeout in [Some(Duration::ZERO), Some(Duration::from_secs(60)), None] {
        assert!(here.poll(timeout).unwrap());
    }
    assert_eq!(here.recv().unwrap(), 1);
    assert!(!here.poll(Some(Duration::ZERO)).unwrap());
}

#[test]
fn halves_work_at_the_same_time() {
    let (here, there) = duplex::<u64, u64>().unwrap();
    let (mut to, mut from) = here.split();
    let echo = std::thread::spawn(move || {
        let (mut to, from) = there.split();
        from.into_iter().try_for_each(|value| to.send(&(value.unwrap() + 1))).unwrap();
    });
    let sending = std::thread::spawn(move || {
        (0..10_000).try_for_each(|value| to.send(&value)).unwrap();
        to.shutdown().unwrap();
    });
    let received: Vec<u64> = from.iter().map(Result::unwrap).collect();
    assert_eq!(received, (1..=10_000).collect::<Vec<_>>());
    sending.join().unwrap();
    echo.join().unwrap();
}

/// The kernel reports a reset here; what had been sent the other way is received nonetheless.
#[test]
fn end_when_the_other_end_leaves_messages_unread() {
    let (mut here, mut there) = duplex::<u8, u8>().unwrap();
    here.send(&1).unwrap();
    there.send(&2).unwrap();
    there.send(&3).unwrap();
    drop(there);
    assert_eq!((here.recv().unwrap(), here.recv().unwrap()), (2, 3));
    assert!(matches!(here.recv(), Err(RecvError::Disconnected)));
    assert!(matches!(here.recv(), Err(RecvError::Disconnected)));
}
