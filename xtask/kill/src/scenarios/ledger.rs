//! What queues of either kind are held to: items with numbers, and a ledger in shared memory of who has
//! put and taken which for sure.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};

use ipc_shm::{Region, Shareable, Shared};
use serde::{Deserialize, Serialize};

use crate::scenario::{After, Verdict};

/// The first number of the victim, of who comes besides, and of the check.
pub(crate) const VICTIM: u32 = 8;
pub(crate) const GUEST: u32 = 16;
pub(crate) const FILLER: u32 = 24;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) number: u32,
    pub(crate) load: Vec<u8>,
    /// Holds the number, so that no item comes with another one's descriptors.
    pub(crate) file: Option<Region>,
}

impl Item {
    pub(crate) fn new(number: u32) -> Item {
        Item { number, load: Vec::new(), file: None }
    }

    /// An item with so many bytes besides.
    pub(crate) fn loaded(number: u32, len: usize) -> Item {
        Item { load: vec![number as u8; len], ..Item::new(number) }
    }

    pub(crate) fn with_file(number: u32) -> Item {
        let file = Region::new(4).expect("memory for a file");
        file.write_at(0, &number.to_ne_bytes()).expect("it is as long");
        Item { file: Some(file), ..Item::new(number) }
    }

    /// What the item is made of belongs together.
    pub(crate) fn verify(&self) {
        assert!(self.load.iter().all(|byte| *byte == self.number as u8), "a torn item");
        if let Some(file) = &self.file {
            let mut bytes = [0; 4];
            file.read_at(0, &mut bytes).expect("it is as long");
            assert_eq!(u32::from_ne_bytes(bytes), self.number, "the descriptor of another item");
        }
    }
}

/// Who has done what for sure.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Ledger {
    pub(crate) put: [AtomicU32; 32],
    pub(crate) taken: [AtomicU32; 32],
    /// How many items were reported as lost, in a joinable queue, and whether somebody has joined.
    pub(crate) reported: AtomicU32,
    pub(crate) joined: AtomicU32,
}

impl Ledger {
    pub(crate) fn new() -> Shared<Ledger> {
        let zeros = || std::array::from_fn(|_| AtomicU32::new(0));
        let (reported, joined) = (AtomicU32::new(0), AtomicU32::new(0));
        let ledger = Ledger { put: zeros(), taken: zeros(), reported, joined };
        Shared::new(ledger).expect("memory for a ledger")
    }

    pub(crate) fn note_put(&self, number: u32) {
        self.put[number as usize].store(1, Release);
    }

    pub(crate) fn note_taken(&self, item: &Item) {
        item.verify();
        self.taken[item.number as usize].fetch_add(1, Release);
    }

    pub(crate) fn is_put(&self, number: u32) -> bool {
        self.put[number as usize].load(Acquire) == 1
    }

    pub(crate) fn taken(&self) -> u32 {
        self.taken.iter().map(|count| count.load(Acquire)).sum()
    }
}

/// Compares what was put with what was taken.
pub(crate) fn account<const PUTS: u32, const TAKES: u32, const AGAIN: u32>(
    ledger: &Ledger,
    after: &After,
) -> Verdict {
    let mut lost = 0;
    for number in 0..FILLER {
        let of_victim = (VICTIM..VICTIM + PUTS).contains(&number);
        let sure = ledger.is_put(number) || of_victim && after.finished;
        let perhaps = of_victim || after.deaths == 2 && number >= GUEST;
        match ledger.taken[number as usize].load(Acquire) {
            0 => lost += u32::from(sure),
            1 if sure || perhaps => {}
            1 => return Err(format!("{number} was taken and nobody has put it")),
            times => return Err(format!("{number} was taken {times} times")),
        }
    }
    let least = if after.finished && after.deaths > 0 { TAKES } else { 0 };
    let most = match after.deaths {
        0 => 0,
        1 => TAKES,
        _ => TAKES + AGAIN,
    };
    if (least..=most).contains(&lost) {
        return Ok(());
    }
    Err(format!("{lost} items are gone, where the dead took {least} to {most}"))
}
