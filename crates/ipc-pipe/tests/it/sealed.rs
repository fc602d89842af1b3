//! The encrypted records of TCP, against everything that a relay may do to them.

use std::time::Duration;

use ipc_pipe::{Connection, RecvError, SendError};

use crate::meeting::{LONG, meet, tcp};
use crate::noise::{FRAME, connect, listener, pair};
use crate::relay::{Relay, Verdict};
use crate::{child, raw};

#[test]
fn both_directions_at_once() {
    let (here, there) = pair(&tcp());
    std::thread::scope(|scope| {
        for connection in [here, there] {
            let (mut sender, mut receiver) = connection.split();
            scope.spawn(move || {
                (0..100).for_each(|n| sender.send_bytes(&vec![1; n * 100]).unwrap())
            });
            scope.spawn(move || {
                (0..100).for_each(|n| assert_eq!(receiver.recv_bytes().unwrap().len(), n * 100));
            });
        }
    });
}

#[test]
fn encrypted_connection_stays_in_its_process() {
    let (here, _there) = pair(&tcp());
    let error = ipc_pipe::Message::encode(&here).unwrap_err().to_string();
    assert!(error.contains("encrypted"), "{error}");
}

#[test]
fn forked_copy_cannot_use_the_same_numbers() {
    child::run_alone("sealed::forked_copy");
}

#[test]
#[ignore = "the child of another test"]
fn forked_copy() {
    if !child::is_child() {
        return;
    }
    let (mut here, mut there) = pair(&tcp());
    // SAFETY: no other thread is left, and the child only sends and exits.
    match unsafe { libc::fork() } {
        0 => {
            let refused = matches!(there.send_bytes(b"again"), Err(SendError::Io(_)));
            // SAFETY: has no conditions.
            unsafe { libc::_exit(i32::from(!refused)) }
        }
        pid => {
            let pid = rustix::process::Pid::from_raw(pid);
            let status = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
            assert_eq!(status.unwrap().unwrap().1.exit_status(), Some(0));
            there.send_bytes(b"once").unwrap();
            assert_eq!(here.recv_bytes_timeout(LONG).unwrap(), b"once");
        }
    }
}

/// A recognisable message of which a relay has a copy.
const SECRET: &[u8] = b"a message that nobody else should read, of more than 48 bytes";

/// Two ends on TCP with a relay between them, once the handshake is over.
fn relayed(
    manipulate: impl FnMut(bool, usize, &mut Vec<u8>) -> Verdict + Send + 'static,
) -> (Connection, Connection) {
    let mut listener = listener(&tcp());
    let relay = Relay::to(listener.address().clone(), manipulate);
    let (here, there) = meet(&mut listener, |_| connect(&relay.address));
    (here.unwrap(), there.unwrap())
}

const HANDSHAKE_BYTES: usize = 2 * FRAME;

fn is_forged(result: &Result<Vec<u8>, RecvError>) -> bool {
    matches!(result, Err(RecvError::Protocol(why)) if why.contains("changed on its way"))
}

#[test]
fn relay_cannot_read() {
    let (mut here, mut there) = relayed(|_, _, bytes| {
        assert!(!bytes.windows(8).any(|window| SECRET.starts_with(window)));
        Verdict::Pass
    });
    there.send_bytes(SECRET).unwrap();
    assert_eq!(here.recv_bytes_timeout(LONG).unwrap(), SECRET);
}

#[test]
fn relay_cannot_inject() {
    let plain = raw::frame(b"injected");
    let mut sealed = 80_u16.to_le_bytes().to_vec();
    sealed.extend([0; 80]);
    for forgery in [plain, sealed] {
        let (mut here, mut there) = relayed(move |client, seen, bytes| {
            if client && seen >= HANDSHAKE_BYTES {
                bytes.splice(0..0, forgery.iter().copied());
            }
            Verdict::Pass
        });
        there.send_bytes(SECRET).unwrap();
        drop(there);
        let received = here.recv_bytes_timeout(LONG);
        // A plain frame looks like the beginning of a long record, which never comes.
        let cut = matches!(received, Err(RecvError::Truncated));
        assert!(is_forged(&received) || cut, "{received:?}");
        let further = here.recv_bytes_timeout(LONG);
        assert!(is_forged(&further) || cut, "the connection is over: {further:?}");
    }
}

#[test]
fn relay_cannot_change_a_bit() {
    for byte in [0, 1, 2, 40, 81, 82, 100] {
        let (mut here, mut there) = relayed(move |client, seen, bytes| {
            if client && seen >= HANDSHAKE_BYTES {
                bytes[byte] ^= 1;
            }
            Verdict::Pass
        });
        there.send_bytes(SECRET).unwrap();
        drop(there);
        let received = here.recv_bytes_timeout(LONG);
        // A length that was changed can make a record wait for bytes that never come.
        let cut = matches!(received, Err(RecvError::Truncated));
        assert!(
            is_forged(&received) || (cut && [0, 1, 82].contains(&byte)),
            "{byte}: {received:?}"
        );
    }
}

#[test]
fn relay_cannot_replay() {
    let (mut here, mut there) = relayed(|client, seen, bytes| {
        if client && seen >= HANDSHAKE_BYTES {
            bytes.extend_from_within(..);
        }
        Verdict::Pass
    });
    there.send_bytes(SECRET).unwrap();
    assert_eq!(here.recv_bytes_timeout(LONG).unwrap(), SECRET);
    let again = here.recv_bytes_timeout(LONG);
    assert!(is_forged(&again), "{again:?}");
}

#[test]
fn relay_cannot_reorder() {
    let mut held = Vec::new();
    let (mut here, mut there) = relayed(move |client, seen, bytes| {
        if !client || seen < HANDSHAKE_BYTES {
            return Verdict::Pass;
        }
        held.append(bytes);
        let one = 2 + FRAME + 16;
        if held.len() < 2 * one {
            return Verdict::Pass;
        }
        held.rotate_left(one);
        bytes.append(&mut held);
        Verdict::Pass
    });
    there.send_bytes(b"one").unwrap();
    there.send_bytes(b"two").unwrap();
    let received = here.recv_bytes_timeout(LONG);
    assert!(is_forged(&received), "{received:?}");
}

#[test]
fn relay_cannot_drop_a_message() {
    let (mut here, mut there) = relayed(|client, seen, bytes| {
        if client && (HANDSHAKE_BYTES..HANDSHAKE_BYTES + 82).contains(&seen) {
            bytes.drain(..82);
        }
        Verdict::Pass
    });
    there.send_bytes(b"one").unwrap();
    there.send_bytes(b"two").unwrap();
    let received = here.recv_bytes_timeout(LONG);
    assert!(is_forged(&received), "{received:?}");
}

#[test]
fn relay_cannot_send_back() {
    let (swallowed, is_swallowed) = std::sync::mpsc::channel();
    let mut held = Vec::new();
    let (mut here, mut there) = relayed(move |client, seen, bytes| {
        if client && seen >= HANDSHAKE_BYTES {
            held = std::mem::take(bytes);
            swallowed.send(()).unwrap();
        } else if seen >= HANDSHAKE_BYTES {
            bytes.clone_from(&held);
        }
        Verdict::Pass
    });
    there.send_bytes(b"for the listener").unwrap();
    is_swallowed.recv().unwrap();
    here.send_bytes(b"for the client").unwrap();
    let received = there.recv_bytes_timeout(LONG);
    assert!(is_forged(&received), "{received:?}");
}

#[test]
fn relay_cuts_the_stream() {
    for kept in [0, 1, 81, 82, 100] {
        let (mut here, mut there) = relayed(move |client, seen, bytes| {
            if client && seen >= HANDSHAKE_BYTES {
                bytes.truncate(kept);
                return Verdict::Cut;
            }
            Verdict::Pass
        });
        there.send_bytes(SECRET).unwrap();
        let received = here.recv_bytes_timeout(LONG);
        match kept {
            0 => assert!(matches!(received, Err(RecvError::Disconnected)), "{received:?}"),
            _ => assert!(matches!(received, Err(RecvError::Truncated)), "{kept}: {received:?}"),
        }
    }
}

#[test]
fn time_running_out_loses_nothing() {
    let (here, there) = pair(&tcp());
    let (mut sender, mut receiver) = (there.split().0, here.split().1);
    let message = vec![5; 1 << 20];
    std::thread::scope(|scope| {
        scope.spawn(|| sender.send_bytes(&message).unwrap());
        let received = loop {
            match receiver.recv_bytes_timeout(Duration::from_micros(200)) {
                Err(RecvError::TimedOut) => {}
                other => break other.unwrap(),
            }
        };
        assert!(received == message);
    });
}

#[test]
fn sending_that_times_out_can_be_tried_again() {
    let (mut here, mut there) = pair(&tcp());
    let message = vec![6; 10_000];
    let mut sent = 0;
    loop {
        match there.try_send_bytes(&message) {
            Ok(()) => sent += 1,
            Err(SendError::TimedOut) => break,
            // A part of a record went out: the next call would have to finish it, so it is over.
            Err(SendError::TimedOutMidway) => {
                (0..sent).for_each(|_| assert_eq!(here.recv_bytes().unwrap(), message));
                assert!(matches!(here.recv_bytes(), Err(RecvError::Truncated)));
                return;
            }
            other => panic!("{other:?}"),
        }
    }
    (0..sent).for_each(|_| assert_eq!(here.recv_bytes().unwrap(), message));
    there.send_bytes(b"again").unwrap();
    assert_eq!(here.recv_bytes_timeout(LONG).unwrap(), b"again");
}

#[test]
fn messages_beyond_the_limit_are_skipped() {
    let (mut here, mut there) = pair(&tcp());
    here.set_max_message_len(100);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            there.send_bytes(&vec![0; 200_000]).unwrap();
            there.send_bytes(b"short").unwrap();
        });
        let long = here.recv_bytes_timeout(LONG);
        assert!(matches!(long, Err(RecvError::TooLong { len: 200_000, limit: 100 })), "{long:?}");
        assert_eq!(here.recv_bytes_timeout(LONG).unwrap(), b"short");
    });
}
