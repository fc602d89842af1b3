//! Bytes that are no frames, or frames that lie.

use std::time::Duration;

use ipc_pipe::{Receiver, RecvError};

use crate::raw;

const LONG: Duration = Duration::from_secs(30);

fn first_error(bytes: &[u8]) -> (Receiver<Vec<u8>>, RecvError) {
    let (mut writer, mut receiver) = raw::receiver();
    raw::write(&mut writer, bytes);
    drop(writer);
    let error = receiver.recv_timeout(LONG).unwrap_err();
    (receiver, error)
}

#[test]
fn the_format_is_as_documented() {
    let (mut writer, mut receiver) = raw::receiver::<()>();
    for body in [&b""[..], b"body", &[7; 48], &[7; 49], &[7; 70_000]] {
        raw::write(&mut writer, &raw::frame(body));
        assert_eq!(receiver.recv_bytes_timeout(LONG).unwrap(), body);
    }
}

#[test]
fn garbage_breaks_the_receiver() {
    let mut later = raw::frame(b"body");
    later[3] = 1;
    let mut unknown = raw::frame(b"body");
    unknown[2] = 99;
    for bytes in
        [&[0; 64][..], &[0xff; 200], b"GET / HTTP/1.1\r\n".repeat(5).as_slice(), &later, &unknown]
    {
        let (mut receiver, error) = first_error(bytes);
        assert!(matches!(error, RecvError::Protocol(_)), "{error:?}");
        assert!(matches!(receiver.recv_timeout(LONG), Err(RecvError::Protocol(_))));
        let last: Vec<_> = receiver.iter().collect();
        assert!(matches!(last[..], [Err(RecvError::Protocol(_))]), "{last:?}");
    }
}

#[test]
fn frames_of_other_kinds_with_impossible_lengths() {
    for kind in 2..=3 {
        let mut bytes = raw::header(kind, 0, 1_000);
        bytes.resize(2_000, 0);
        let (_, error) = first_error(&bytes);
        assert!(matches!(error, RecvError::Protocol(_)), "{error:?}");
    }
}

#[test]
fn a_refusal_says_why() {
    let mut bytes = raw::header(2, 0, 1);
    bytes.push(1);
    bytes.resize(64, 0);
    let (mut receiver, error) = first_error(&bytes);
    assert!(matches!(error, RecvError::Refused(why) if why.contains("authkey")), "{error:?}");
    assert!(matches!(receiver.recv(), Err(RecvError::Refused(_))));
}

/// Memory follows what arrives, not what is announced.
#[test]
fn a_length_of_many_exabytes() {
    for len in [u64::MAX, u64::MAX / 2, 1 << 40] {
        let mut bytes = raw::header(raw::DATA, 0, len);
        bytes.resize(100_000, 1);
        let (_, error) = first_error(&bytes);
        assert!(matches!(error, RecvError::Truncated), "{error:?}");
    }
}

/// An error, not a wait: the carriers come without descriptors, or not at all.
#[test]
fn announced_descriptors_that_do_not_come() {
    let (mut writer, mut receiver) = raw::receiver::<()>();
    let mut bytes = raw::header(raw::DATA, 300, 100);
    bytes.resize(64 + 2 + 52, 0);
    raw::write(&mut writer, &bytes);
    raw::write(&mut writer, &raw::frame(b"next"));
    raw::write(&mut writer, &bytes[..64]);
    drop(writer);
    assert!(matches!(receiver.recv_bytes_timeout(LONG), Err(RecvError::DescriptorsLost)));
    assert_eq!(receiver.recv_bytes_timeout(LONG).unwrap(), b"next");
    assert!(matches!(receiver.recv_bytes_timeout(LONG), Err(RecvError::Truncated)));
}

#[test]
fn more_descriptors_than_any_message_has() {
    let mut bytes = raw::header(raw::DATA, u32::MAX, 4);
    bytes.resize(64, 0);
    assert!(matches!(first_error(&bytes).1, RecvError::Protocol(_)));
}
