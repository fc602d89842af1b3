//! Where the descriptors of queued items lie: in the kernel, in a socket that is connected to itself.
//!
//! They outlive the process that put them, as the items in shared memory do. A packet has a tag, a
//! number that is given out once, which stands in the item's record, too. Producers add packets at
//! the back, each before its item is committed, under their lock; consumers look at the front under
//! theirs.
//!
//! | dies | then |
//! |---|---|
//! | a producer between packet and item | the packet has a tag that no item has, and is left over |
//! | a consumer that has looked, before it takes the item | packet and item are still there |
//! | after it has taken the item | the packet is left over |
//! | while it moves a packet from the front to the back | it is there twice; one is left over |
//! | while its marker is there | the marker is left over |
//!
//! Who sees a packet at the front that is left over throws it away.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rustix::net::SocketType;

use crate::sys;

/// Set in the tags of markers, and in no others.
pub(crate) const MARKER: u64 = 1 << 63;

/// The socket.
#[derive(Debug)]
pub(crate) struct Vault(OwnedFd);

impl Vault {
    pub(crate) fn new() -> io::Result<Vault> {
        sys::socket_to_itself().map(Vault)
    }

    /// One from another process.
    pub(crate) fn attach(socket: OwnedFd) -> io::Result<Vault> {
        sys::checked_socket(socket, SocketType::DGRAM).map(Vault)
    }

    /// Adds the descriptors of an item.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the vault is full; others if too many descriptors of this user are on their
    /// way already.
    pub(crate) fn add(&self, tag: u64, descriptors: &[OwnedFd]) -> io::Result<()> {
        sys::send(self.as_fd(), &tag.to_ne_bytes(), descriptors)
    }

    /// True if there is room for another item, and for moving those that are there.
    pub(crate) fn has_room(&self) -> bool {
        sys::has_room(self.as_fd())
    }

    /// Duplicates of an item's descriptors, which stay at the front of the vault; `None` if they are
    /// not there. Packets that come before are moved to the back if they are wanted.
    ///
    /// A marker behind the last packet says when all have been seen: tags do not, as a packet that
    /// somebody moved when he died is there twice.
    pub(crate) fn find(
        &self,
        tag: u64,
        is_wanted: impl Fn(u64) -> bool,
    ) -> io::Result<Option<Vec<OwnedFd>>> {
        let mut marker = None;
        let mut moved = HashSet::new();
        while let Some((front, descriptors)) = self.front()? {
            if front == tag {
                return Ok(Some(descriptors));
            }
            if front & MARKER == 0 && !moved.contains(&front) && is_wanted(front) {
                if marker.is_none() {
                    marker = Some(self.mark_end()?);
                }
                self.add(front, &descriptors)?;
                moved.insert(front);
            }
            self.drop_front()?;
            if marker == Some(front) {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Adds a marker that nobody else has added. If we die before it is gone, who sees it at the
    /// front throws it away.
    fn mark_end(&self) -> io::Result<u64> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = u64::from(COUNT.fetch_add(1, Relaxed) & 0x7fff_ffff);
        let marker = MARKER | count << 32 | u64::from(std::process::id());
        self.add(marker, &[])?;
        Ok(marker)
    }

    /// Throws away what is found at the front for an item that has been taken.
    pub(crate) fn discard_front(&self) {
        // If it cannot be had now, whoever sees it at the front throws it away.
        let _ = self.drop_front();
    }

    /// Throws away everything.
    pub(crate) fn clear(&self) {
        while let Ok(Some(_)) = sys::receive(self.as_fd(), &mut [0; 8]) {}
    }

    fn front(&self) -> io::Result<Option<(u64, Vec<OwnedFd>)>> {
        let mut tag = [0; 8];
        let packet = sys::peek(self.as_fd(), &mut tag)?;
        Ok(packet.map(|(_, descriptors)| (u64::from_ne_bytes(tag), descriptors)))
    }

    fn drop_front(&self) -> io::Result<()> {
        sys::receive(self.as_fd(), &mut [0; 8]).map(drop)
    }
}

impl AsFd for Vault {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// As a death in between two steps of moving a packet leaves it.
    #[test]
    fn packets_that_are_there_twice_hide_nothing() {
        let vault = Vault::new().expect("a vault");
        for tag in [4, 4, MARKER | 7, 9, 4, 3] {
            vault.add(tag, &[]).expect("room");
        }
        let find = |tag| vault.find(tag, |tag| tag != 9).expect("a vault that works").is_some();
        assert!(find(3));
        assert!(find(4));
        vault.discard_front();
        assert!(find(3));
        assert!(!find(4), "it is there twice no more");
        assert!(!find(9), "it is left over");
    }
}
