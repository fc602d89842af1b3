//! Where clients are received: many at once, and none waits for another.
//!
//! A client that has connected is *half open* until its handshake is over. Half-open clients live
//! here as state machines, each with a deadline of its own; one call of [`next`](Reception::next)
//! waits for the listening socket and for all of them together, and returns the first that is
//! through, or the first that failed. Nothing happens between calls: a client that is through early
//! waits in its socket.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::address::Address;
use crate::conversation::{self, Conversation, Dialogue, Step};
use crate::deadline::Deadline;
use crate::doorway::Doorway;
use crate::error::{AcceptError, Failure};
use crate::peer::Peer;
use crate::sys;
use crate::sys::net::{self, Interest, Watch};

/// What is watched for the listening socket; half-open clients count from 1.
const DOORWAY: u64 = 0;

/// How clients are received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_half_open: usize,
    pub(crate) any_user: bool,
}

/// A client that is through.
#[derive(Debug)]
pub(crate) struct Arrival<T> {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: Peer,
    /// What the handshake gave, if there was one.
    #[cfg_attr(not(feature = "authkey"), allow(dead_code, reason = "it has keys or nothing"))]
    pub(crate) outcome: Option<T>,
}

/// Begins a handshake with a new client.
pub(crate) type Greeter<D> = Box<dyn Fn() -> io::Result<Conversation<D>> + Send + Sync>;

/// A listening socket with its half-open clients.
pub(crate) struct Reception<D: Dialogue> {
    doorway: Doorway,
    rules: Rules,
    handshakes: Option<Handshakes<D>>,
}

struct Handshakes<D: Dialogue> {
    greeter: Greeter<D>,
    watch: Watch,
    last_token: u64,
    /// In the order in which they came, which is that of their deadlines.
    half_open: VecDeque<HalfOpen<D>>,
}

struct HalfOpen<D: Dialogue> {
    token: u64,
    socket: OwnedFd,
    peer: Peer,
    deadline: Deadline,
    conversation: Conversation<D>,
}

impl<D: Dialogue> Reception<D> {
    /// Receives clients at `doorway`, after a handshake if there is a greeter.
    pub(crate) fn new(
        doorway: Doorway,
        rules: Rules,
        greeter: Option<Greeter<D>>,
    ) -> io::Result<Reception<D>> {
        let handshakes = greeter.map(|greeter| Handshakes::new(greeter, &doorway)).transpose()?;
        Ok(Reception { doorway, rules, handshakes })
    }

    pub(crate) fn address(&self) -> &Address {
        self.doorway.address()
    }

    /// How many clients are in the middle of their handshake.
    pub(crate) fn half_open(&self) -> usize {
        self.handshakes.as_ref().map_or(0, |handshakes| handshakes.half_open.len())
    }

    /// The next client that is through, or that failed.
    pub(crate) fn next(&mut self, deadline: Deadline) -> Result<Arrival<D::Outcome>, AcceptError> {
        loop {
            let Some(handshakes) = &mut self.handshakes else {
                return self.next_at_once(deadline);
            };
            handshakes.expire()?;
            match handshakes.watch.next(handshakes.until(deadline))? {
                Some(DOORWAY) => self.admit()?,
                Some(token) => {
                    if let Some(arrival) = handshakes.attend(token)? {
                        return Ok(arrival);
                    }
                }
                None if deadline.is_past() => {
                    handshakes.expire()?;
                    return Err(AcceptError::TimedOut);
                }
                None => {}
            }
        }
    }

    /// The next client, where there is no handshake.
    fn next_at_once(&self, deadline: Deadline) -> Result<Arrival<D::Outcome>, AcceptError> {
        loop {
            if let Some((socket, peer)) = self.take_caller()? {
                return Ok(Arrival { socket, peer, outcome: None });
            }
            if !sys::wait_readable(self.doorway.as_fd(), deadline)? {
                return Err(AcceptError::TimedOut);
            }
        }
    }

    /// Takes a client from the queue of the kernel and begins the handshake.
    fn admit(&mut self) -> Result<(), AcceptError> {
        let Some((socket, peer)) = self.take_caller()? else { return Ok(()) };
        let Some(handshakes) = &mut self.handshakes else { return Ok(()) };
        let crowded = handshakes.half_open.len() >= self.rules.max_half_open;
        let dropped = if crowded { handshakes.drop_oldest() } else { None };
        handshakes.begin(socket, peer, Deadline::after(self.rules.handshake_timeout))?;
        dropped.map_or(Ok(()), |peer| Err(AcceptError::Crowded { peer }))
    }

    /// Takes a client from the queue of the kernel, if it may come in.
    fn take_caller(&self) -> Result<Option<(OwnedFd, Peer)>, AcceptError> {
        let Some((socket, remote)) = net::accept(self.doorway.as_fd())? else { return Ok(None) };
        let peer = Peer::of(socket.as_fd(), remote)?;
        if let Some(uid) = peer.foreign_user().filter(|_| !self.rules.any_user) {
            let failure = Failure::WrongUser { uid };
            conversation::dismiss::<D>(socket.as_fd(), &failure);
            return Err(failure.of_client(peer));
        }
        if remote.is_some() {
            net::without_delay(socket.as_fd());
        }
        Ok(Some((socket, peer)))
    }
}

impl<D: Dialogue> Handshakes<D> {
    fn new(greeter: Greeter<D>, doorway: &Doorway) -> io::Result<Handshakes<D>> {
        let watch = Watch::new()?;
        watch.add(doorway.as_fd(), DOORWAY, Interest::Readable)?;
        Ok(Handshakes { greeter, watch, last_token: DOORWAY, half_open: VecDeque::new() })
    }

    fn begin(&mut self, socket: OwnedFd, peer: Peer, deadline: Deadline) -> io::Result<()> {
        let conversation = (self.greeter)()?;
        self.last_token += 1;
        let token = self.last_token;
        let interest = conversation.interest();
        self.watch.add(socket.as_fd(), token, interest)?;
        self.half_open.push_back(HalfOpen { token, socket, peer, deadline, conversation });
        Ok(())
    }

    /// Goes on with the handshake of one client; returns it if it is through.
    fn attend(&mut self, token: u64) -> Result<Option<Arrival<D::Outcome>>, AcceptError> {
        let Some(index) = self.half_open.iter().position(|client| client.token == token) else {
            return Ok(None);
        };
        let client = &mut self.half_open[index];
        let socket = client.socket.as_fd();
        match client.conversation.advance(socket) {
            Ok(Step::Receive) => self.watch.change(socket, token, Interest::Readable)?,
            Ok(Step::Send) => self.watch.change(socket, token, Interest::Writable)?,
            Ok(Step::Done(outcome)) => {
                return Ok(self.remove(index).map(|client| client.arrive(outcome)));
            }
            Err(failure) => {
                let peer = client.peer;
                self.remove(index);
                return Err(failure.of_client(peer));
            }
        }
        Ok(None)
    }

    /// Drops the oldest client if its time is up.
    fn expire(&mut self) -> Result<(), AcceptError> {
        let Some(oldest) = self.half_open.front() else { return Ok(()) };
        if !oldest.deadline.is_past() {
            return Ok(());
        }
        let peer = oldest.peer;
        conversation::dismiss::<D>(oldest.socket.as_fd(), &Failure::TimedOut);
        self.remove(0);
        Err(Failure::TimedOut.of_client(peer))
    }

    fn drop_oldest(&mut self) -> Option<Peer> {
        let oldest = self.remove(0)?;
        conversation::dismiss::<D>(oldest.socket.as_fd(), &Failure::TimedOut);
        Some(oldest.peer)
    }

    /// When to look up at the latest.
    fn until(&self, deadline: Deadline) -> Deadline {
        self.half_open.front().map_or(deadline, |oldest| deadline.or_earlier(oldest.deadline))
    }

    fn remove(&mut self, index: usize) -> Option<HalfOpen<D>> {
        let client = self.half_open.remove(index)?;
        // Closing is not enough: a process forked meanwhile may hold the socket too.
        self.watch.remove(client.socket.as_fd());
        Some(client)
    }
}

impl<D: Dialogue> HalfOpen<D> {
    fn arrive(self, outcome: D::Outcome) -> Arrival<D::Outcome> {
        Arrival { socket: self.socket, peer: self.peer, outcome: Some(outcome) }
    }
}

/// Readable when a call of [`next`](Reception::next) would have something to do.
impl<D: Dialogue> AsFd for Reception<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.handshakes {
            Some(handshakes) => handshakes.watch.as_fd(),
            None => self.doorway.as_fd(),
        }
    }
}
