//! A handshake as a state machine that never waits.
//!
//! A listener has many handshakes under way at once and must not wait for any of them, so a
//! handshake takes what has arrived, answers, and says what it needs next. It reads exactly one
//! message at a time and nothing beyond, because what follows the last one belongs to the
//! connection.

use std::io;
use std::os::fd::BorrowedFd;

use crate::deadline::Deadline;
use crate::error::Failure;
use crate::sys;
use crate::sys::net::{self, Interest};

/// What the two ends say to each other before a connection stands.
pub(crate) trait Dialogue {
    /// What is known when it is over.
    type Outcome;

    /// How many bytes are still to come of the message that begins with `received`.
    fn missing(&self, received: &[u8]) -> Result<usize, Failure>;

    /// Takes a whole message and appends the answer to `reply`.
    fn answer(
        &mut self,
        message: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Self::Outcome>, Failure>;

    /// The last words to a peer with which it came to nothing.
    fn farewell(failure: &Failure) -> Vec<u8>;
}

/// What a conversation needs to go on.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// More bytes from the peer.
    Receive,
    /// Room for bytes to the peer.
    Send,
    /// Nothing: it is over.
    Done(T),
}

/// One end of a [`Dialogue`], as far as it has come.
pub(crate) struct Conversation<D: Dialogue> {
    dialogue: D,
    received: Vec<u8>,
    /// What is still to be sent.
    reply: Vec<u8>,
    outcome: Option<D::Outcome>,
}

impl<D: Dialogue> Conversation<D> {
    /// A conversation that this end opens with `opening`, or the other end if that is empty.
    pub(crate) fn new(dialogue: D, opening: Vec<u8>) -> Conversation<D> {
        Conversation { dialogue, received: Vec::new(), reply: opening, outcome: None }
    }

    /// What its first step waits for.
    pub(crate) fn interest(&self) -> Interest {
        if self.reply.is_empty() { Interest::Readable } else { Interest::Writable }
    }

    /// Goes as far as possible without waiting. After an error the conversation is over.
    pub(crate) fn advance(&mut self, socket: BorrowedFd<'_>) -> Result<Step<D::Outcome>, Failure> {
        self.go_on(socket).inspect_err(|failure| dismiss::<D>(socket, failure))
    }

    /// Goes on to the end, waiting up to `deadline`.
    pub(crate) fn finish(
        &mut self,
        socket: BorrowedFd<'_>,
        deadline: Deadline,
    ) -> Result<D::Outcome, Failure> {
        loop {
            let ready = match self.advance(socket)? {
                Step::Receive => sys::wait_readable(socket, deadline),
                Step::Send => sys::wait_writable(socket, deadline),
                Step::Done(outcome) => return Ok(outcome),
            };
            if !ready.map_err(|_| Failure::Disconnected)? {
                return Err(Failure::TimedOut);
            }
        }
    }

    fn go_on(&mut self, socket: BorrowedFd<'_>) -> Result<Step<D::Outcome>, Failure> {
        loop {
            if !self.flush(socket)? {
                return Ok(Step::Send);
            }
            if let Some(outcome) = self.outcome.take() {
                return Ok(Step::Done(outcome));
            }
            if !self.take_message(socket)? {
                return Ok(Step::Receive);
            }
            self.outcome = self.dialogue.answer(&self.received, &mut self.reply)?;
            self.received.clear();
        }
    }

    /// Sends what is to be sent; false if there is no room for all of it.
    fn flush(&mut self, socket: BorrowedFd<'_>) -> Result<bool, Failure> {
        while !self.reply.is_empty() {
            let Some(sent) = unless_blocked(net::send_now(socket, &self.reply))? else {
                return Ok(false);
            };
            self.reply.drain(..sent);
        }
        Ok(true)
    }

    /// Receives the rest of a message; false if not all of it is there yet.
    fn take_message(&mut self, socket: BorrowedFd<'_>) -> Result<bool, Failure> {
        loop {
            let missing = self.dialogue.missing(&self.received)?;
            if missing == 0 {
                return Ok(true);
            }
            let have = self.received.len();
            self.received.resize(have + missing, 0);
            let result = unless_blocked(net::receive_now(socket, &mut self.received[have..]));
            self.received.truncate(have + result.unwrap_or(None).unwrap_or(0));
            match result? {
                Some(0) => return Err(Failure::Disconnected),
                Some(_) => {}
                None => return Ok(false),
            }
        }
    }
}

/// Tells the peer why it came to nothing, if that is possible at once.
pub(crate) fn dismiss<D: Dialogue>(socket: BorrowedFd<'_>, failure: &Failure) {
    let last_words = D::farewell(failure);
    if last_words.is_empty() || net::send_now(socket, &last_words).is_err() {
        return;
    }
    // TCP would take the words back if the socket were closed with something unread in it.
    let mut waste = [0; 4096];
    for _ in 0..16 {
        if !matches!(net::receive_now(socket, &mut waste), Ok(1..)) {
            break;
        }
    }
}

/// The number of bytes moved; none if that would have had to wait.
fn unless_blocked(result: io::Result<usize>) -> Result<Option<usize>, Failure> {
    match result {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        // Whatever happened to the socket, the peer cannot be reached through it any more.
        Err(_) => Err(Failure::Disconnected),
    }
}
