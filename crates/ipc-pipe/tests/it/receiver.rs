//! Receiving: boundaries of messages, deadlines, limits, the end.

use std::time::{Duration, Instant};

use ipc_pipe::{RecvError, pipe};

use crate::{child, raw};

const SOON: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(30);

#[test]
fn empty_messages_count() {
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    sender.send_bytes(b"").unwrap();
    assert!(receiver.poll(Some(Duration::ZERO)).unwrap());
    assert!(receiver.poll(Some(Duration::ZERO)).unwrap());
    assert_eq!(receiver.recv_bytes().unwrap(), b"");
    assert!(!receiver.poll(Some(Duration::ZERO)).unwrap());
}

#[test]
fn messages_do_not_merge() {
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    let messages = [&b"hello"[..], b"", b"goodbye", b"", b"bye", &[7; 100]];
    for message in messages {
        sender.send_bytes(message).unwrap();
    }
    for message in messages {
        assert!(receiver.poll(None).unwrap() && receiver.poll(None).unwrap());
        assert_eq!(receiver.recv_bytes().unwrap(), message);
    }
    assert!(!receiver.poll(Some(Duration::ZERO)).unwrap());
}

#[test]
fn too_short_a_buffer_loses_nothing() {
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    let long = vec![9; 100_000];
    for message in [&b"a message"[..], &long] {
        sender.send_bytes(message).unwrap();
        sender.send_bytes(b"next").unwrap();
        let mut buffer = [0; 4];
        match receiver.recv_bytes_into(&mut buffer) {
            Err(RecvError::BufferTooShort { message: whole }) => assert_eq!(whole, message),
            other => panic!("{other:?}"),
        }
        assert_eq!(receiver.recv_bytes_into(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer, b"next");
    }
}

#[test]
fn timeout_when_nothing_comes() {
    let (mut receiver, _sender) = pipe::<u8>().unwrap();
    let begin = Instant::now();
    assert!(matches!(receiver.try_recv(), Err(RecvError::TimedOut)));
    assert!(matches!(receiver.recv_timeout(SOON), Err(RecvError::TimedOut)));
    assert!(begin.elapsed() >= SOON);
    assert!(matches!(receiver.recv_deadline(begin), Err(RecvError::TimedOut)));
}

/// A writer stalls at every byte in turn; each time the receiver gives up once and then goes on.
#[test]
fn a_stalled_message_goes_on_later() {
    let body: Vec<u8> = (0..100).collect();
    let frame = raw::frame(&body);
    for stall in 1..frame.len() {
        let (mut writer, mut receiver) = raw::receiver::<()>();
        raw::write(&mut writer, &frame[..stall]);
        assert!(matches!(receiver.try_recv_bytes(), Err(RecvError::TimedOut)));
        assert!(receiver.poll(Some(Duration::ZERO)).unwrap());
        raw::write(&mut writer, &frame[stall..]);
        raw::write(&mut writer, &raw::frame(b"next"));
        assert_eq!(receiver.recv_bytes_timeout(LONG).unwrap(), body);
        assert_eq!(receiver.recv_bytes_timeout(LONG).unwrap(), b"next");
    }
}

#[test]
fn a_stalled_message_goes_on_into_another_buffer() {
    let body: Vec<u8> = (0..100).collect();
    let frame = raw::frame(&body);
    for stall in 1..frame.len() {
        let (mut writer, mut receiver) = raw::receiver::<()>();
        let mut buffer = [0; 100];
        raw::write(&mut writer, &frame[..stall]);
        let late = receiver.try_recv_bytes_into(&mut buffer);
        assert!(matches!(late, Err(RecvError::TimedOut)), "{late:?}");
        raw::write(&mut writer, &frame[stall..]);
        let mut other = [0; 200];
        assert_eq!(receiver.recv_bytes_into_timeout(&mut other, LONG).unwrap(), 100);
        assert_eq!(other[..100], body);
    }
}

#[test]
fn the_end_within_a_message() {
    let frame = raw::frame(&[1; 100]);
    for cut in 1..frame.len() {
        let (mut writer, mut receiver) = raw::receiver::<u8>();
        raw::write(&mut writer, &frame[..cut]);
        drop(writer);
        assert!(matches!(receiver.recv_timeout(LONG), Err(RecvError::Truncated)), "{cut}");
        assert!(matches!(receiver.recv_timeout(LONG), Err(RecvError::Disconnected)), "{cut}");
    }
}

/// Sends for ever, so that a kill finds it within a message.
#[test]
#[ignore = "the child of other tests"]
fn send_for_ever() {
    let Some(mut end) = child::end::<(), ()>() else { return };
    while end.send_bytes(&[5; 1 << 20]).is_ok() {}
}

#[test]
fn a_killed_writer_ends_in_an_error() {
    let (mut receiver, sender) = pipe::<()>().unwrap();
    let mut child = child::Reaped(child::start("receiver::send_for_ever", &sender));
    drop(sender);
    assert_eq!(receiver.recv_bytes_timeout(LONG).unwrap().len(), 1 << 20);
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    let error = loop {
        match receiver.recv_bytes_timeout(LONG) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, RecvError::Truncated | RecvError::Disconnected), "{error:?}");
}

#[test]
fn a_long_message_is_skipped() {
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    receiver.set_max_message_len(100);
    for len in [101, 5_000, 100_000] {
        sender.send_bytes(&vec![1; len]).unwrap();
        sender.send_bytes(&[2; 100]).unwrap();
        match receiver.recv_bytes() {
            Err(RecvError::TooLong { len: found, limit: 100 }) => assert_eq!(found, len as u64),
            other => panic!("{other:?}"),
        }
        assert_eq!(receiver.recv_bytes().unwrap(), [2; 100]);
    }
}

#[test]
fn skipping_keeps_to_the_deadline_and_goes_on() {
    let (mut writer, mut receiver) = raw::receiver::<()>();
    receiver.set_max_message_len(100);
    let frame = raw::frame(&[1; 5_000]);
    raw::write(&mut writer, &frame[..3_000]);
    assert!(matches!(receiver.recv_bytes_timeout(SOON), Err(RecvError::TimedOut)));
    assert!(matches!(receiver.try_recv_bytes(), Err(RecvError::TimedOut)));
    raw::write(&mut writer, &frame[3_000..]);
    raw::write(&mut writer, &raw::frame(b"next"));
    assert!(matches!(receiver.recv_bytes(), Err(RecvError::TooLong { len: 5_000, .. })));
    assert_eq!(receiver.recv_bytes().unwrap(), b"next");
}

/// Whoever never pauses cannot keep a reader beyond its deadline.
#[test]
fn a_writer_that_never_pauses() {
    let (mut writer, mut receiver) = raw::receiver::<()>();
    receiver.set_max_message_len(100);
    let thread = std::thread::spawn(move || {
        use std::io::Write;
        let _ = writer.write_all(&raw::header(raw::DATA, 0, u64::MAX));
        while writer.write_all(&[0; 4096]).is_ok() {}
    });
    assert!(matches!(receiver.recv_bytes_timeout(SOON), Err(RecvError::TimedOut)));
    drop(receiver);
    thread.join().unwrap();
}

#[test]
fn a_value_of_another_type_is_an_error_only() {
    let (mut receiver, mut sender) = pipe::<String>().unwrap();
    sender.send_bytes(&[200]).unwrap();
    sender.send_bytes(&[1, b'x', b'y']).unwrap();
    sender.send(&"next".into()).unwrap();
    assert!(matches!(receiver.recv(), Err(RecvError::Decode(_))));
    let error = receiver.recv().unwrap_err();
    assert!(error.to_string().contains("1 bytes are left over"), "{error}");
    assert_eq!(receiver.recv().unwrap(), "next");
}

#[test]
fn values_end_with_the_stream() {
    let (mut receiver, mut sender) = pipe::<u8>().unwrap();
    for value in 0..3 {
        sender.send(&value).unwrap();
    }
    sender.send_bytes(b"").unwrap();
    sender.send(&3).unwrap();
    drop(sender);
    let mut values = receiver.iter();
    assert_eq!(values.by_ref().take(3).map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(matches!(values.next(), Some(Err(RecvError::Decode(_)))));
    assert_eq!(values.next().unwrap().unwrap(), 3);
    assert!(values.next().is_none() && values.next().is_none());
}

/// Memory that an earlier, longer message has left does not show in a later one.
#[test]
fn memory_is_used_again() {
    let (mut receiver, mut sender) = pipe::<Vec<u8>>().unwrap();
    for len in [10, 100_000, 3, 60_000, 0, 150_000, 49] {
        sender.send(&vec![len as u8; len]).unwrap();
        assert_eq!(receiver.recv().unwrap(), vec![len as u8; len]);
        sender.send_bytes(&vec![1; len]).unwrap();
        let bytes = receiver.recv_bytes().unwrap();
        assert_eq!(bytes, vec![1; len]);
        assert!(bytes.capacity() <= 2 * len.max(64));
    }
}
