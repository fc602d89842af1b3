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
    for kind in 2..=4 {
        let mut bytes = raw::header(kind, 0, 1_000);
        bytes.resize(2_000, 0);
        let (_, error) = first_error(&bytes);
        assert!(matches!(error, RecvError::Protocol(_)), "{error:?}");
    }
}

#[test]
fn a_refusal_says_why() {
    let mut bytes = raw::header(3, 0, 1);
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

#[test]
fn announced_descriptors_that_do_not_come() {
    let (mut writer, mut receiver) = raw::receiver::<()>();
    let mut bytes = raw::header(raw::DATA, 3, 4);
    bytes.extend(b"body");
    bytes.resize(64, 0);
    raw::write(&mut writer, &bytes);
    drop(writer);
    let error = receiver.recv_bytes_timeout(LONG).unwrap_err();
    assert!(matches!(error, RecvError::DescriptorsLost | RecvError::Truncated), "{error:?}");
}
