//! `pingpong`: eight bytes to another process and back.

use multiproc::{Connection, Process, duplex};

use crate::bare::{self, Helper};
use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};

pub(crate) const FAMILY: Family = &[
    ("bare socketpair", Contender::Here(bare_socketpair)),
    ("multiproc duplex, bytes", Contender::Here(our_bytes)),
    ("multiproc duplex, u64", Contender::Here(our_values)),
];

/// How many round trips one round makes.
pub(crate) fn count(setting: Setting) -> u32 {
    if setting.quick { 2_000 } else { 20_000 }
}

fn bare_socketpair(setting: Setting) -> Result<Round, Missing> {
    let mut peer =
        Helper::start(bare::ECHO).map_err(|e| format!("cannot start the echo process: {e}"))?;
    let mut number = 0_u64;
    Ok(Box::new(move || {
        clock::micros_each(count(setting), || {
            number += 1;
            let mut word = number.to_le_bytes();
            peer.exchange(&mut word).expect("the echo process answers");
            assert_eq!(u64::from_le_bytes(word), number);
        })
    }))
}

/// Eight bytes as a message of their own, which the peer sends back as they come.
fn our_bytes(setting: Setting) -> Result<Round, Missing> {
    let echo = |mut connection: Connection<u64>| {
        let mut word = [0; 8];
        while connection.recv_bytes_into(&mut word).is_ok() {
            connection.send_bytes(&word).expect("the other end is there");
        }
    };
    let mut connection = peer(echo)?;
    let mut number = 0_u64;
    Ok(Box::new(move || {
        clock::micros_each(count(setting), || {
            number += 1;
            let mut word = number.to_le_bytes();
            connection.send_bytes(&word).expect("the echo process reads");
            connection.recv_bytes_into(&mut word).expect("the echo process answers");
            assert_eq!(u64::from_le_bytes(word), number);
        })
    }))
}

/// A number as a value, decoded and encoded at both ends.
fn our_values(setting: Setting) -> Result<Round, Missing> {
    let echo = |mut connection: Connection<u64>| {
        while let Ok(number) = connection.recv() {
            connection.send(&number).expect("the other end is there");
        }
    };
    let mut connection = peer(echo)?;
    let mut number = u64::MAX / 2;
    Ok(Box::new(move || {
        clock::micros_each(count(setting), || {
            number += 1;
            connection.send(&number).expect("the echo process reads");
            assert_eq!(connection.recv().expect("the echo process answers"), number);
        })
    }))
}

/// A process that runs `echo` at the other end, until this end is closed.
fn peer<F>(echo: F) -> Result<Connection<u64>, Missing>
where
    F: multiproc::Function<(Connection<u64>,), Output = ()>,
{
    let (ours, theirs) = duplex().map_err(|e| format!("cannot make a connection: {e}"))?;
    let process = Process::new(echo, (theirs,)).daemon(true).start();
    process.map_err(|e| format!("cannot start the echo process: {e}"))?.detach();
    Ok(ours)
}
