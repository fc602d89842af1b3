//! The worker's end of the ring of records.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use ipc_pipe::{Message, Packets, carry};

use crate::lane::{LONGEST, Lane, RING, now};
use crate::parcel::Outbound;
use crate::record::{Failure, HEADER, Header, LAST_HEADER};

/// How long a busy worker leaves the pool asleep over records after it has rung. The supervisor
/// looks again when that time has passed, as the next call may take long.
pub(crate) const QUIET: Duration = Duration::from_micros(50);

/// Writes records.
pub(crate) struct Records {
    lane: Rc<Lane>,
    written: u64,
    /// Up to where the pool had read when the worker last looked.
    read: u64,
    /// A record in the making: room for the longer header, then the value.
    scratch: Vec<u8>,
    descriptors: Vec<OwnedFd>,
    rung: u64,
}

impl Records {
    pub(crate) fn new(lane: Rc<Lane>) -> Records {
        let (scratch, descriptors) = (vec![0; LAST_HEADER], Vec::new());
        Records { lane, written: 0, read: 0, scratch, descriptors, rung: now() }
    }

    /// Has `encode` append a value, and descriptors that go with it.
    pub(crate) fn write(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>, &mut Vec<OwnedFd>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.clear();
        encode(&mut self.scratch, &mut self.descriptors)
    }

    /// Publishes what came of a call, of which a value has been written; `None` if it was not made.
    /// For the last call of a task, `took` is how long all of it took.
    pub(crate) fn publish(
        &mut self,
        socket: &Packets,
        result: Option<Result<(), Failure>>,
        took: Option<u64>,
    ) {
        let header = match result {
            None => {
                self.clear();
                Header::skipped()
            }
            Some(Ok(())) => match self.send_if_long(socket) {
                Ok(header) => header,
                Err(failure) => self.fail(&failure, socket),
            },
            Some(Err(failure)) => self.fail(&failure, socket),
        };
        let header = if took.is_some() { header.last() } else { header };
        let begin = LAST_HEADER - header.head();
        let bytes = header.to_bytes();
        self.scratch[begin..begin + HEADER].copy_from_slice(&bytes);
        if let Some(took) = took {
            self.scratch[HEADER..LAST_HEADER].copy_from_slice(&took.to_le_bytes());
        }
        self.scratch.resize(begin + header.whole(), 0);
        self.append(begin);
        if header.is_by_socket() {
            // The socket has room for a few hundred; who waits for more must not wait for somebody
            // who sleeps.
            self.lane.bell().ring();
        }
    }

    /// Wakes the pool, if it sleeps: always when there is nothing to do, now and then while there
    /// is.
    pub(crate) fn ring(&mut self, time: u64, is_idle: bool) {
        if is_idle || time.saturating_sub(self.rung) > QUIET.as_nanos() as u64 {
            self.rung = time;
            self.lane.bell().ring();
        }
    }

    fn clear(&mut self) {
        self.scratch.truncate(LAST_HEADER);
        self.descriptors.clear();
    }

    /// Writes why there is no value.
    fn fail(&mut self, failure: &Failure, socket: &Packets) -> Header {
        self.clear();
        // A failure is text and numbers, which have an encoding.
        let _ = carry::encode(failure, &mut self.scratch, &mut self.descriptors);
        match self.send_if_long(socket) {
            Ok(header) => header.failure(),
            Err(_) => {
                self.clear();
                let plain = Failure::Value("it is too long for the system".into());
                let _ = carry::encode(&plain, &mut self.scratch, &mut self.descriptors);
                Header::value(self.scratch.len() - LAST_HEADER).failure()
            }
        }
    }

    /// Sends a value by the socket if the ring is not the way for it.
    fn send_if_long(&mut self, socket: &Packets) -> Result<Header, Failure> {
        let len = self.scratch.len() - LAST_HEADER;
        if self.descriptors.is_empty() && len <= LONGEST {
            return Ok(Header::value(len));
        }
        let bytes = self.scratch.split_off(LAST_HEADER);
        let descriptors = std::mem::take(&mut self.descriptors);
        let message = Message::from_parts(bytes, descriptors);
        match socket.send(&Outbound::Value(message)) {
            Ok(()) => Ok(Header::value(0).by_socket()),
            Err(error) => Err(Failure::Value(error.to_string())),
        }
    }

    /// Copies the record from `begin` of the scratch on to the ring, and shows it to the pool.
    fn append(&mut self, begin: usize) {
        let len = self.scratch.len() - begin;
        let mut offset = self.written as usize % RING;
        if offset + len > RING {
            let rest = RING - offset;
            self.wait_for_room(rest);
            self.lane.write_records(offset, &Header::pad(rest - HEADER).to_bytes());
            self.written += rest as u64;
            offset = 0;
        }
        self.wait_for_room(len);
        self.lane.write_records(offset, &self.scratch[begin..]);
        self.written += len as u64;
        self.lane.publish_records(self.written);
    }

    /// Waits until the ring has room for `len` more bytes.
    fn wait_for_room(&mut self, len: usize) {
        let Some(needed) = (self.written + len as u64).checked_sub(RING as u64) else { return };
        while self.read < needed {
            self.read = self.lane.records_read();
            if self.read < needed {
                // The pad before, if there is one, must be seen to be read.
                self.lane.publish_records(self.written);
                self.lane.bell().ring();
                self.lane.wait_for_room(needed);
            }
        }
    }
}
