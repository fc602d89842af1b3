//! One end of a queue in one process: the memory, the descriptors, and a socket by which the kernel
//! counts the ends of each side, also those that are on their way and those of killed processes.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::net::SocketType;

use crate::control::Control;
use crate::debts;
use crate::pace::Pace;
use crate::platform::{AtomicU32, Memory, Ordering::Relaxed};
use crate::ready::GivenOut;
use crate::ring::Ring;
use crate::shape::Shape;
use crate::sys;
use crate::vault::Vault;

/// What both ends have.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ring: Ring,
    pub(crate) vault: Vault,
    /// Rings while there are items, if somebody sleeps by it.
    pub(crate) bell: OwnedFd,
    /// How many ends this process has of it.
    pub(crate) ends: AtomicU32,
}

/// Which end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Sending,
    Receiving,
}

/// An end; the clones of a handle share it.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) shared: Arc<Shared>,
    side: Side,
    /// Taken out when the end is dropped, so that it is closed before the others are told.
    socket: Option<OwnedFd>,
    /// How often the other side had lost an end when we last asked whether it was the last.
    seen: AtomicU32,
    pub(crate) pace: Pace,
    pub(crate) given_out: GivenOut,
}

impl Shared {
    pub(crate) fn new(shape: Shape) -> io::Result<Shared> {
        let ring = Ring::new(Memory::new(shape)?);
        Ok(Shared::over(ring, Vault::new()?, sys::bell()?))
    }

    pub(crate) fn over(ring: Ring, vault: Vault, bell: OwnedFd) -> Shared {
        Shared { ring, vault, bell, ends: AtomicU32::new(0) }
    }

    #[inline]
    pub(crate) fn control(&self) -> &Control {
        self.ring.control()
    }
}

/// Makes a queue, and gives both ends.
pub(crate) fn pair(shape: Shape) -> io::Result<(End, End)> {
    let shared = Arc::new(Shared::new(shape)?);
    let (sending, receiving) = sys::socket_pair()?;
    let end = |side, socket| End::new(shared.clone(), side, socket);
    Ok((end(Side::Sending, sending), end(Side::Receiving, receiving)))
}

impl End {
    pub(crate) fn new(shared: Arc<Shared>, side: Side, socket: OwnedFd) -> End {
        shared.ends.fetch_add(1, Relaxed); // Whoever counts has a reference to it.
        End {
            shared,
            side,
            socket: Some(socket),
            seen: AtomicU32::new(0),
            pace: Pace::new(),
            given_out: GivenOut::default(),
        }
    }

    /// An end from another process.
    pub(crate) fn attach(shared: Arc<Shared>, side: Side, socket: OwnedFd) -> io::Result<End> {
        let socket = sys::checked_socket(socket, SocketType::SEQPACKET)?;
        Ok(End::new(shared, side, socket))
    }

    #[inline]
    pub(crate) fn control(&self) -> &Control {
        self.shared.control()
    }

    /// True if the last end of the other side is gone. Asks the kernel only if one is gone since it
    /// last did.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        let gone = self.others_gone().load(Relaxed); // The kernel's answer is what counts.
        gone != self.seen.load(Relaxed) && self.ask_if_alone(gone)
    }

    #[cold]
    fn ask_if_alone(&self, gone: u32) -> bool {
        let alone = sys::has_ended(self.as_fd());
        if !alone {
            self.seen.store(gone, Relaxed);
        }
        alone
    }

    /// The same, also if they were killed.
    pub(crate) fn is_left_alone(&self) -> bool {
        sys::has_ended(self.as_fd())
    }

    fn others_gone(&self) -> &AtomicU32 {
        let fixed = &self.control().fixed;
        match self.side {
            Side::Sending => &fixed.receivers_gone,
            Side::Receiving => &fixed.senders_gone,
        }
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_ref().expect("only taken when the end is dropped").as_fd()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        drop(self.socket.take());
        let control = self.shared.control();
        let (gone, gate) = match self.side {
            Side::Sending => (&control.fixed.senders_gone, &control.items),
            Side::Receiving => (&control.fixed.receivers_gone, &control.room),
        };
        gone.fetch_add(1, Relaxed); // Those who see it ask the kernel.
        gate.wake(u32::MAX);
        if self.shared.ends.fetch_sub(1, Relaxed) == 1 {
            // Nobody here can say any more that what this thread owes is done.
            debts::abandon(&self.shared);
        }
    }
}
