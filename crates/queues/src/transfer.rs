//! How an end reaches another process: its descriptors beside the message.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use ipc_shm::Region;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::end::{End, Shared, Side};
use crate::platform::Memory;
use crate::queue::Queue;
use crate::receiver::Receiver;
use crate::ring::Ring;
use crate::sender::Sender;
use crate::vault::Vault;

#[derive(Serialize)]
struct OutgoingEnd<'a>(#[serde(with = "ipc_pipe::handle")] BorrowedFd<'a>);

#[derive(Deserialize)]
struct IncomingEnd(#[serde(with = "ipc_pipe::handle")] OwnedFd);

#[derive(Serialize)]
pub(crate) struct OutgoingShared<'a> {
    pub(crate) region: &'a Region,
    #[serde(with = "ipc_pipe::handle")]
    pub(crate) vault: BorrowedFd<'a>,
    #[serde(with = "ipc_pipe::handle")]
    pub(crate) bell: BorrowedFd<'a>,
}

#[derive(Deserialize)]
pub(crate) struct IncomingShared {
    pub(crate) region: Region,
    #[serde(with = "ipc_pipe::handle")]
    pub(crate) vault: OwnedFd,
    #[serde(with = "ipc_pipe::handle")]
    pub(crate) bell: OwnedFd,
}

impl<'a> From<&'a Shared> for OutgoingShared<'a> {
    fn from(shared: &'a Shared) -> Self {
        OutgoingShared {
            region: shared.ring.memory().region(),
            vault: shared.vault.as_fd(),
            bell: shared.bell.as_fd(),
        }
    }
}

impl IncomingShared {
    fn open<E: de::Error>(self) -> Result<Arc<Shared>, E> {
        let memory = Memory::attach(self.region).map_err(E::custom)?;
        let vault = Vault::attach(self.vault).map_err(E::custom)?;
        Ok(Arc::new(Shared::over(Ring::new(memory), vault, self.bell)))
    }
}

impl IncomingEnd {
    fn open<E: de::Error>(self, shared: &Arc<Shared>, side: Side) -> Result<Arc<End>, E> {
        End::attach(shared.clone(), side, self.0).map(Arc::new).map_err(E::custom)
    }
}

fn serialize<S: Serializer>(end: &End, serializer: S) -> Result<S::Ok, S::Error> {
    (OutgoingShared::from(&*end.shared), OutgoingEnd(end.as_fd())).serialize(serializer)
}

fn deserialize<'de, D: Deserializer<'de>>(
    side: Side,
    deserializer: D,
) -> Result<Arc<End>, D::Error> {
    let (shared, end) = <(IncomingShared, IncomingEnd)>::deserialize(deserializer)?;
    end.open(&shared.open()?, side)
}

impl<T> Serialize for Sender<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.sending(), serializer)
    }
}

impl<'de, T> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(Side::Sending, deserializer).map(Sender::new)
    }
}

impl<T> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.receiving(), serializer)
    }
}

impl<'de, T> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(Side::Receiving, deserializer).map(Receiver::new)
    }
}

impl<T> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shared = OutgoingShared::from(&*self.sending().shared);
        let ends = (OutgoingEnd(self.sending().as_fd()), OutgoingEnd(self.receiving().as_fd()));
        (shared, ends.0, ends.1).serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        type Incoming = (IncomingShared, IncomingEnd, IncomingEnd);
        let (shared, sending, receiving) = Incoming::deserialize(deserializer)?;
        let shared = shared.open()?;
        let sending = sending.open(&shared, Side::Sending)?;
        Ok(Queue::new(sending, receiving.open(&shared, Side::Receiving)?))
    }
}
