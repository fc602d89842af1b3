//! An item, and what makes it known again: everything in it follows from its number.

use ipc_shm::Region;
use serde::{Deserialize, Serialize};

use super::account::Name;
use crate::dice::Dice;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) name: Name,
    load: Vec<u8>,
    /// A memory file with the item's name in it.
    file: Option<Region>,
}

impl Item {
    pub(crate) fn plain(name: Name) -> Item {
        Item { name, load: vec![name.byte(); length(name)], file: None }
    }

    pub(crate) fn with_file(name: Name) -> Result<Item, String> {
        let words = |error: ipc_shm::ShmError| error.to_string();
        let file = Region::new(8).map_err(words)?;
        file.write_at(0, &name.word().to_ne_bytes()).map_err(words)?;
        Ok(Item { file: Some(file), ..Item::plain(name) })
    }

    /// The bytes of an item without a file, as postcard has them.
    pub(crate) fn encoded(name: Name) -> Vec<u8> {
        let item = Item::plain(name);
        let mut bytes = Vec::new();
        for number in [u64::from(name.life), u64::from(name.number), item.load.len() as u64] {
            push_varint(&mut bytes, number);
        }
        bytes.extend_from_slice(&item.load);
        bytes.push(0);
        bytes
    }

    pub(crate) fn verify(&self) -> Result<(), String> {
        let (byte, name) = (self.name.byte(), self.name);
        if self.load.len() != length(name) || self.load.iter().any(|other| *other != byte) {
            return Err(format!("{name:?} is torn"));
        }
        let Some(file) = &self.file else { return Ok(()) };
        let mut word = [0; 8];
        file.read_at(0, &mut word).map_err(|error| error.to_string())?;
        if u64::from_ne_bytes(word) == name.word() {
            return Ok(());
        }
        Err(format!("{name:?} came with the descriptor of {:x}", u64::from_ne_bytes(word)))
    }
}

/// Mostly short; some are copied without a lock, and some lie elsewhere in a small queue.
fn length(name: Name) -> usize {
    let mut dice = Dice::new(name.word());
    let longest = match dice.below(200) {
        0 => 60_000,
        1..=4 => 20_000,
        5..=24 => 4_000,
        25..=79 => 500,
        _ => 32,
    };
    dice.below(longest) as usize
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
