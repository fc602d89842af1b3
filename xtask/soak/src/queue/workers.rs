//! What producers and consumers do until they are told to stop, or killed.

use std::collections::HashMap;

use queues::{GetError, Queue};

use super::account::{Account, ITEMS, Name};
use super::item::Item;
use crate::dice::Dice;

/// With so many items in the queue, producers wait for consumers: memory is not what is tried out.
const BACKLOG: usize = 4_000;

/// The most items that are put or taken at once.
const MANY: u64 = 40;

/// What all workers of a round have.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) queue: Queue<Item>,
    pub(crate) account: Account,
}

/// How a consumer takes items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    /// For good: if it dies, what it was taking is lost.
    Plain,
    /// The same beside others with leases: an item that comes back is out of its order.
    Beside,
    /// On lease: nothing is lost.
    Leased,
}

/// Puts items until the round is over, or it has put its share.
pub(crate) fn produce(scene: &Scene, life: u32, seed: u64) -> Result<(), String> {
    let (mut dice, mut number) = (Dice::new(seed), 0);
    while number < ITEMS && !scene.account.is_over() {
        while scene.queue.len() > BACKLOG && !scene.account.is_over() {
            std::thread::yield_now();
        }
        let way = dice.below(20);
        let count = if way == 0 { 1 + dice.below(MANY) as u32 } else { 1 };
        let end = ITEMS.min(number + count);
        scene.account.is_putting(life, end);
        put(&scene.queue, way, life, number..end)?;
        scene.account.has_put(life, end);
        number = end;
    }
    Ok(())
}

fn put(
    queue: &Queue<Item>,
    way: u64,
    life: u32,
    numbers: std::ops::Range<u32>,
) -> Result<(), String> {
    let name = Name { life, number: numbers.start };
    match way {
        0 => {
            let items = numbers.map(|number| Item::plain(Name { life, number }));
            queue.put_many(items).map_err(|error| error.to_string())
        }
        1 => queue.put(Item::with_file(name)?).map_err(|error| error.to_string()),
        2 => write_in_place(queue, name),
        _ => queue.put(Item::plain(name)).map_err(|error| error.to_string()),
    }
}

fn write_in_place(queue: &Queue<Item>, name: Name) -> Result<(), String> {
    let bytes = Item::encoded(name);
    let Ok(mut room) = queue.reserve(bytes.len()) else {
        // Longer than the ring takes.
        return queue.put_bytes(&bytes).map_err(|error| error.to_string());
    };
    room.copy_from_slice(&bytes);
    room.commit();
    Ok(())
}

/// Takes items until the end of the stream.
pub(crate) fn consume(scene: &Scene, life: u32, taking: Taking, seed: u64) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let mut order = HashMap::new();
    loop {
        let taken = match taking {
            Taking::Plain => take(scene, life, &mut dice, &mut order),
            Taking::Beside => take(scene, life, &mut dice, &mut HashMap::new()),
            Taking::Leased => lease(scene, life, &mut dice),
        };
        match taken {
            Ok(()) => {}
            Err(GetError::Disconnected) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn take(
    scene: &Scene,
    life: u32,
    dice: &mut Dice,
    order: &mut HashMap<u32, u32>,
) -> Result<(), GetError> {
    let (way, queue) = (dice.below(10), &scene.queue);
    let count = if way == 0 { 1 + dice.below(MANY) } else { 1 };
    scene.account.is_taking(life, count);
    let items = match way {
        0 => queue.get_many(count as usize).map_err(|error| error.error)?,
        1 => vec![queue.get_ref()?.decode()?],
        _ => vec![queue.get()?],
    };
    for item in items {
        check(item.verify());
        check(in_order(order, item.name));
        check(scene.account.has_taken(item.name));
    }
    scene.account.is_taking(life, 0);
    Ok(())
}

/// One consumer sees the items of a producer in their order.
fn in_order(order: &mut HashMap<u32, u32>, name: Name) -> Result<(), String> {
    match order.insert(name.life, name.number) {
        Some(last) if last >= name.number => Err(format!("{name:?} came after {last}")),
        _ => Ok(()),
    }
}

fn lease(scene: &Scene, life: u32, dice: &mut Dice) -> Result<(), GetError> {
    let lease = scene.queue.get_leased()?;
    if lease.deliveries() > 1 {
        scene.account.has_come_back();
    }
    check(lease.verify());
    match dice.below(50) {
        0 => return Ok(()), // Gives it back.
        1 => std::thread::yield_now(),
        _ => {}
    }
    scene.account.is_acknowledging(life, lease.name);
    let item = lease.acknowledge();
    check(scene.account.has_taken(item.name));
    scene.account.is_taking(life, 0);
    Ok(())
}

/// What is wrong ends this worker, and the supervisor reads it.
fn check(result: Result<(), String>) {
    if let Err(what) = result {
        panic!("{what}");
    }
}
