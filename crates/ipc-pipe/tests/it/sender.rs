//! Sending: deadlines, and what is left of a message that was not finished.

use std::time::{Duration, Instant};

use ipc_pipe::{RecvError, SendError, pipe};

const SOON: Duration = Duration::from_millis(20);

#[test]
fn try_send_until_full() {
    let (mut receiver, mut sender) = pipe::<u64>().unwrap();
    let sent = (0_u64..).find(|value| sender.try_send(value).is_err()).unwrap();
    assert!(sent > 10);
    assert!(matches!(sender.try_send(&0), Err(SendError::TimedOut)));
    for value in 0..sent {
        assert_eq!(receiver.recv().unwrap(), value);
    }
    sender.try_send(&sent).unwrap();
    assert_eq!(receiver.recv().unwrap(), sent);
}

/// Up to 32 KiB are taken as a whole or not at all.
#[test]
fn try_send_does_not_tear_short_messages() {
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    let message = [3; 32 * 1024];
    let mut sent = 0;
    let error = loop {
        match sender.try_send_bytes(&message) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, SendError::TimedOut), "{error:?}");
    for _ in 0..sent {
        assert_eq!(receiver.recv_bytes().unwrap(), message);
    }
    sender.try_send_bytes(&message).unwrap();
}

#[test]
fn timeout_before_the_message() {
    let (mut receiver, mut sender) = pipe::<u8>().unwrap();
    while sender.try_send(&1).is_ok() {}
    let begin = Instant::now();
    assert!(matches!(sender.send_timeout(&2, SOON), Err(SendError::TimedOut)));
    assert!(begin.elapsed() >= SOON);
    assert!(matches!(sender.send_deadline(&2, begin), Err(SendError::TimedOut)));
    drop(sender);
    assert!(receiver.iter().map(Result::unwrap).all(|value| value == 1));
}

#[test]
fn timeout_within_a_message_closes_the_direction() {
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    let result = sender.send_bytes_timeout(&vec![0; 16 << 20], SOON);
    assert!(matches!(result, Err(SendError::TimedOutMidway)), "{result:?}");
    assert!(matches!(sender.send_bytes(b"more"), Err(SendError::Disconnected)));
    assert!(matches!(receiver.recv_bytes(), Err(RecvError::Truncated)));
    assert!(matches!(receiver.recv_bytes(), Err(RecvError::Disconnected)));
}

#[test]
fn a_reader_that_closes_within_a_message() {
    let (receiver, mut sender) = pipe::<()>().unwrap();
    let thread = std::thread::spawn(move || sender.send_bytes(&vec![0; 16 << 20]));
    drop(receiver);
    assert!(matches!(thread.join().unwrap(), Err(SendError::Disconnected)));
}

#[test]
fn errors_convert_to_io_errors() {
    let (receiver, mut sender) = pipe::<u8>().unwrap();
    drop(receiver);
    let error = std::io::Error::from(sender.send(&1).unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(error.to_string(), "the other end is closed");
}
