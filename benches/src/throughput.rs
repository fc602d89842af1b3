//! `throughput`: blocks of 1 MiB one way to another process, which says at the end how much came.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

use multiproc::{Connection, Process, duplex};

use crate::bare::{self, BLOCK};
use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};

pub(crate) const FAMILY: Family = &[
    ("bare socketpair", Contender::Here(|setting| round(bare_socketpair(), setting))),
    ("multiproc duplex", Contender::Here(ours)),
    ("bare pipe", Contender::Here(|setting| round(bare_pipe(), setting))),
];

/// How many blocks one round sends.
pub(crate) fn count(setting: Setting) -> u64 {
    if setting.quick { 32 } else { 256 }
}

fn round(link: io::Result<Link>, setting: Setting) -> Result<Round, Missing> {
    let mut link = link.map_err(|e| format!("cannot start the sink: {e}"))?;
    let bytes = count(setting) * BLOCK as u64;
    Ok(Box::new(move || {
        clock::megabytes_per_second(bytes, || {
            let got = link.send(bytes).expect("the sink takes what it is sent");
            assert_eq!(got, bytes);
        })
    }))
}

/// The way to a sink, and the block that is sent again and again.
#[derive(Debug)]
struct Link {
    data: File,
    answers: File,
    block: Vec<u8>,
    sink: Child,
}

fn bare_socketpair() -> io::Result<Link> {
    let (ours, theirs) = UnixStream::pair()?;
    let sink = sink(theirs.try_clone()?.into(), theirs.into())?;
    Ok(Link::new(ours.try_clone()?.into(), ours.into(), sink))
}

fn bare_pipe() -> io::Result<Link> {
    let (their_input, data) = io::pipe()?;
    let (answers, their_output) = io::pipe()?;
    let sink = sink(their_input.into(), their_output.into())?;
    Ok(Link::new(data.into(), answers.into(), sink))
}

fn sink(input: OwnedFd, output: OwnedFd) -> io::Result<Child> {
    Command::new("/proc/self/exe").arg(bare::SINK).stdin(input).stdout(output).spawn()
}

impl Link {
    fn new(data: OwnedFd, answers: OwnedFd, sink: Child) -> Self {
        Self { data: data.into(), answers: answers.into(), block: vec![1; BLOCK], sink }
    }

    /// Sends `bytes`, whole blocks, and gives how many the sink has counted.
    fn send(&mut self, bytes: u64) -> io::Result<u64> {
        self.data.write_all(&bytes.to_le_bytes())?;
        for _ in 0..bytes / BLOCK as u64 {
            self.data.write_all(&self.block)?;
        }
        let mut answer = [0; 8];
        self.answers.read_exact(&mut answer)?;
        Ok(u64::from_le_bytes(answer))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The sink holds no state that is worth an orderly end.
        let _ = self.sink.kill();
        let _ = self.sink.wait();
    }
}

/// Blocks as messages into one buffer; an empty message asks how much has come.
fn ours(setting: Setting) -> Result<Round, Missing> {
    let (mut ours, theirs) = duplex::<(), u64>().map_err(|e| format!("no connection: {e}"))?;
    let process = Process::new(count_bytes, (theirs,)).daemon(true).start();
    process.map_err(|e| format!("cannot start the sink: {e}"))?.detach();
    let block = vec![1; BLOCK];
    let bytes = count(setting) * BLOCK as u64;
    Ok(Box::new(move || {
        clock::megabytes_per_second(bytes, || {
            for _ in 0..count(setting) {
                ours.send_bytes(&block).expect("the sink takes what it is sent");
            }
            ours.send_bytes(&[]).expect("the sink takes what it is sent");
            assert_eq!(ours.recv().expect("the sink answers"), bytes);
        })
    }))
}

fn count_bytes(mut connection: Connection<u64, ()>) {
    let mut block = vec![0; BLOCK];
    let mut got = 0;
    while let Ok(len) = connection.recv_bytes_into(&mut block) {
        got += len as u64;
        if len == 0 {
            connection.send(&got).expect("the other end waits for the answer");
            got = 0;
        }
    }
}
