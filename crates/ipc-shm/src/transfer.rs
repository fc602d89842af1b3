//! How a region reaches another process: its descriptor beside the message, its name within.

use std::os::fd::{BorrowedFd, OwnedFd};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Region;

#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(with = "ipc_pipe::handle")]
    file: BorrowedFd<'a>,
    name: Option<&'a str>,
}

#[derive(Deserialize)]
struct Incoming {
    #[serde(with = "ipc_pipe::handle")]
    file: OwnedFd,
    /// Under which the receiver becomes a user of its own.
    name: Option<String>,
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::os::fd::AsFd;
        Outgoing { file: self.as_fd(), name: self.name() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Incoming { file, name } = Incoming::deserialize(deserializer)?;
        Region::receive(file, name.as_deref()).map_err(serde::de::Error::custom)
    }
}
