//! A socket on which every message is there as a whole or not at all.
//!
//! On a stream, a writer killed in the middle of a message leaves a part behind that spoils
//! whatever a second writer adds. The packets of a `SOCK_SEQPACKET` socket are atomic: SIGKILL at
//! any instruction leaves whole packets. That is what a bootstrap needs, where a child and its fork
//! server report on the same socket. Every packet is short, because a long message goes into a
//! memory file and only the file's descriptor is sent; so a send never waits for the reader.
//!
//! A message is *zero or more* `MORE` packets, each with descriptors, and one `INLINE` or `FILE`
//! packet with the rest of them:
//!
//! | step of the sender | what the reader has if it dies here |
//! |---|---|
//! | before the last packet | descriptors without a message: dropped, the message never was |
//! | after it | the message |
//!
//! The last packet says how many descriptors its message has, so that those of a writer that died
//! before it are not counted towards the next message.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::net::{RecvFlags, SendFlags, SocketType};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bulk::Bytes;
use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::handle::Handle;
use crate::message::Message;
use crate::sys::{self, net};

const MAGIC: [u8; 4] = *b"mpk1";
const HEADER: usize = 16;
/// The longest message that travels inside its packet.
const INLINE_MAX: usize = 2 * 1024;

const MORE: u32 = 1;
const INLINE: u32 = 2;
const FILE: u32 = 3;

/// One end of a pair of sockets that carry whole messages, in both directions.
///
/// Meant for small protocols such as a bootstrap; for data use [`duplex`](crate::duplex), which is
/// faster. Sending never waits for the reader unless its buffer is full of unread messages.
///
/// # Examples
///
/// ```
/// use ipc_pipe::Packets;
///
/// let (parent, child) = Packets::pair()?;
/// child.send(&"ready")?;
/// assert_eq!(parent.recv::<String>(None)?, "ready");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Packets {
    socket: OwnedFd,
}

impl Packets {
    /// Makes a connected pair.
    ///
    /// # Errors
    ///
    /// When this process has no room for two more descriptors.
    pub fn pair() -> std::io::Result<(Packets, Packets)> {
        let (one, other) = sys::socket_pair(SocketType::SEQPACKET)?;
        Ok((Packets { socket: one }, Packets { socket: other }))
    }

    /// The socket at `fd`, under a descriptor of its own, if it is such a socket and a message of
    /// this protocol is waiting in it. The message is left there.
    ///
    /// # Errors
    ///
    /// When there is one, and it was made by another user than the one this process acts for, or this
    /// process has no room for one more descriptor. A program that runs with more rights than its
    /// caller must not take orders from it.
    pub fn waiting_at(fd: BorrowedFd<'_>) -> std::io::Result<Option<Packets>> {
        let mut magic = [0; MAGIC.len()];
        let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let waiting = sys::receive_plain(fd, &mut magic, peek).is_ok()
            && magic == MAGIC
            && sys::is_unix_socket(fd, SocketType::SEQPACKET);
        if !waiting {
            return Ok(None);
        }
        if net::credentials(fd)?.uid != net::effective_user() {
            let why = "the socket at standard input was made by another user";
            return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, why));
        }
        Ok(Some(Packets { socket: sys::duplicate(fd)? }))
    }

    /// Sends a value as one message.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded, the other end is closed, or the system lacks memory or
    /// descriptors.
    pub fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendError> {
        let message = Message::encode(value)?;
        let mut descriptors: Vec<OwnedFd> =
            message.descriptors.into_iter().map(Handle::into_inner).collect();
        let len = message.bytes.len() as u64;
        let (kind, body) = if message.bytes.len() <= INLINE_MAX {
            (INLINE, &message.bytes[..])
        } else {
            descriptors.push(message.bytes.freeze()?);
            (FILE, &[][..])
        };
        let total = u32::try_from(descriptors.len()).map_err(|_| SendError::NoDescriptors)?;
        while descriptors.len() > sys::DESCRIPTORS_PER_PACKET {
            let rest = descriptors.split_off(sys::DESCRIPTORS_PER_PACKET);
            self.send_packet(Header { kind: MORE, total: 0, len: 0 }, &[], &descriptors)?;
            descriptors = rest;
        }
        self.send_packet(Header { kind, total, len }, body, &descriptors)
    }

    /// Receives a value, waiting up to `deadline` (`None`: as long as it takes).
    ///
    /// # Errors
    ///
    /// When the other end is closed, the deadline passes, or the message is not an encoded `T`.
    pub fn recv<T: DeserializeOwned>(&self, deadline: Option<Instant>) -> Result<T, RecvError> {
        let deadline = deadline.map_or(Deadline::NEVER, Deadline::at);
        Ok(self.recv_message(deadline)?.decode()?)
    }

    /// Receives a value if one is waiting.
    ///
    /// # Errors
    ///
    /// As [`recv`](Packets::recv); [`RecvError::TimedOut`] when nothing is waiting.
    pub fn try_recv<T: DeserializeOwned>(&self) -> Result<T, RecvError> {
        Ok(self.recv_message(Deadline::now())?.decode()?)
    }

    fn send_packet(
        &self,
        header: Header,
        body: &[u8],
        descriptors: &[OwnedFd],
    ) -> Result<(), SendError> {
        let header = header.to_bytes();
        let parts = [IoSlice::new(&header), IoSlice::new(body)];
        sys::send(self.as_fd(), &parts, descriptors, SendFlags::empty())?;
        Ok(())
    }

    fn recv_message(&self, deadline: Deadline) -> Result<Message, RecvError> {
        let mut descriptors = Vec::new();
        let mut lost = false;
        loop {
            let mut packet = [0; HEADER + INLINE_MAX];
            let (len, packet_lost) = self.recv_packet(&mut packet, &mut descriptors, deadline)?;
            lost |= packet_lost;
            let (header, body) = Header::parse(&packet[..len])?;
            if header.kind == MORE {
                continue;
            }
            if lost {
                return Err(RecvError::DescriptorsLost);
            }
            return header.finish(body, descriptors);
        }
    }

    fn recv_packet(
        &self,
        packet: &mut [u8],
        descriptors: &mut Vec<OwnedFd>,
        deadline: Deadline,
    ) -> Result<(usize, bool), RecvError> {
        let flags = if deadline.is_never() { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        loop {
            match sys::receive(self.as_fd(), packet, descriptors, flags) {
                Ok(received) if received.bytes == 0 => return Err(RecvError::Disconnected),
                Ok(received) => return Ok((received.bytes, received.descriptors_lost)),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if !sys::wait_readable(self.as_fd(), deadline)? {
                        return Err(RecvError::TimedOut);
                    }
                }
                // The other end was closed with messages left unread. The kernel says so before it
                // hands out what was sent the other way, and says it once.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl From<Packets> for OwnedFd {
    fn from(packets: Packets) -> OwnedFd {
        packets.socket
    }
}

impl TryFrom<OwnedFd> for Packets {
    type Error = std::io::Error;

    fn try_from(socket: OwnedFd) -> std::io::Result<Packets> {
        if sys::is_unix_socket(socket.as_fd(), SocketType::SEQPACKET) {
            return Ok(Packets { socket });
        }
        let why = "the descriptor is not a socket that keeps packets whole";
        Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why))
    }
}

/// The first 16 bytes of each packet: magic, kind, total of descriptors, length of the message.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u32,
    total: u32,
    len: u64,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&((self.kind << 24) | self.total).to_le_bytes());
        bytes[8..].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    fn parse(packet: &[u8]) -> Result<(Header, &[u8]), RecvError> {
        let (header, body) =
            packet.split_first_chunk::<HEADER>().ok_or(RecvError::Protocol("short packet"))?;
        let ([magic, word, ..], _) = header.as_chunks::<4>() else {
            return Err(RecvError::Protocol("short packet"));
        };
        if *magic != MAGIC {
            return Err(RecvError::Protocol("wrong magic number"));
        }
        let word = u32::from_le_bytes(*word);
        let len = header.last_chunk::<8>().map_or(0, |len| u64::from_le_bytes(*len));
        Ok((Header { kind: word >> 24, total: word & 0x00ff_ffff, len }, body))
    }

    /// Puts the message together, leaving out descriptors of an earlier, unfinished one.
    fn finish(self, body: &[u8], mut descriptors: Vec<OwnedFd>) -> Result<Message, RecvError> {
        let stale = descriptors.len().checked_sub(self.total as usize);
        descriptors.drain(..stale.ok_or(RecvError::Protocol("a descriptor is missing"))?);
        let bytes = match self.kind {
            INLINE if body.len() as u64 == self.len => Bytes::from(body),
            FILE => {
                let file = descriptors.pop();
                Bytes::map(file.ok_or(RecvError::Protocol("no memory file"))?, self.len)?
            }
            _ => return Err(RecvError::Protocol("unknown kind of packet")),
        };
        Ok(Message::from_parts(bytes, descriptors))
    }
}
