//! How a priority queue reaches another process: its descriptors beside the message.

use std::os::fd::AsFd;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::memory::Memory;
use super::store::Store;
use crate::transfer::{IncomingShared, OutgoingShared};
use crate::vault::Vault;

impl Serialize for Store {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shared = OutgoingShared {
            region: self.memory.region(),
            vault: self.vault.as_fd(),
            bell: self.bell.as_fd(),
        };
        shared.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Store {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let IncomingShared { region, vault, bell } = IncomingShared::deserialize(deserializer)?;
        let memory = Memory::attach(region).map_err(de::Error::custom)?;
        let vault = Vault::attach(vault).map_err(de::Error::custom)?;
        Ok(Store::over(memory, vault, bell))
    }
}
