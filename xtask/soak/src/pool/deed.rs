//! What a call does, which its arguments say, and what it must come to.

use std::time::{Duration, Instant};

use ipc_shm::Region;
use serde::{Deserialize, Serialize};

use super::account::Account;

/// With what the message of a panic begins that was asked for.
const BY_ORDER: &str = "by order of call ";

/// The arguments of a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) call: u32,
    pub(crate) deed: Deed,
    pub(crate) load: Vec<u8>,
    /// How long the value is to be.
    pub(crate) reply: u32,
    /// Memory with the call's number in it, which the value brings back.
    pub(crate) file: Option<Region>,
}

/// What it does before it gives a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deed {
    Nothing,
    Spin(Duration),
    Sleep(Duration),
    /// As long, or until it is asked to stop.
    Heed(Duration),
    Panic,
    /// When it is made for the first time.
    PanicOnce,
}

/// The value of a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) call: u32,
    load: Vec<u8>,
    file: Option<Region>,
}

impl Order {
    pub(crate) fn new(call: u32, deed: Deed) -> Order {
        Order { call, deed, load: Vec::new(), reply: 0, file: None }
    }

    pub(crate) fn with_load(self, length: usize) -> Order {
        Order { load: vec![byte(self.call); length], ..self }
    }

    pub(crate) fn with_file(self) -> Result<Order, String> {
        let words = |error: ipc_shm::ShmError| error.to_string();
        let file = Region::new(8).map_err(words)?;
        file.write_at(0, &u64::from(self.call).to_ne_bytes()).map_err(words)?;
        Ok(Order { file: Some(file), ..self })
    }

    /// What must come back.
    pub(crate) fn due(&self) -> Due {
        Due { call: self.call, reply: self.reply, file: self.file.is_some() }
    }
}

/// The value that a call must come to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due {
    pub(crate) call: u32,
    reply: u32,
    file: bool,
}

impl Due {
    pub(crate) fn verify(self, answer: &Answer) -> Result<(), String> {
        let Due { call, reply, file } = self;
        if answer.call != call {
            return Err(format!("call {call} has the value of call {}", answer.call));
        }
        if answer.load.len() != reply as usize || !is_whole(call, &answer.load) {
            return Err(format!("the value of call {call} is torn"));
        }
        match &answer.file {
            None if file => Err(format!("the value of call {call} has lost its file")),
            Some(file) => has_number(file, call),
            None => Ok(()),
        }
    }
}

/// Does what an order says.
pub(crate) fn obey(order: Order) -> Answer {
    let account = ::pool::payload::<Account>().expect("every worker has the account");
    let before = account.begin(order.call);
    let Order { call, deed, load, reply, file } = order;
    assert!(is_whole(call, &load), "the arguments of call {call} are torn");
    if let Some(file) = &file {
        has_number(file, call).unwrap_or_else(|what| panic!("{what}"));
    }
    act(call, deed, before);
    account.end(call);
    Answer { call, load: vec![byte(call); reply as usize], file }
}

/// The same as a call of two arguments, for a function that workers know by another number.
pub(crate) fn obey_and_drop(order: Order, extra: Vec<u8>) -> Answer {
    assert!(is_whole(order.call, &extra), "the second argument of call {} is torn", order.call);
    obey(order)
}

fn act(call: u32, deed: Deed, before: u8) {
    let begin = Instant::now();
    match deed {
        Deed::Panic => panic!("{BY_ORDER}{call}"),
        Deed::PanicOnce if before == 0 => panic!("{BY_ORDER}{call}"),
        Deed::Nothing | Deed::PanicOnce => {}
        Deed::Spin(time) => while begin.elapsed() < time {},
        Deed::Sleep(time) => std::thread::sleep(time),
        Deed::Heed(time) => {
            while begin.elapsed() < time && !::pool::should_stop() {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    }
}

/// The call that was to panic so.
pub(crate) fn ordered_by(message: &str) -> Option<u32> {
    message.strip_prefix(BY_ORDER)?.parse().ok()
}

/// Has panics that were asked for print nothing.
pub(crate) fn hush_panics_by_order() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let message = info.payload().downcast_ref::<String>();
        if !message.is_some_and(|message| message.starts_with(BY_ORDER)) {
            usual(info);
        }
    }));
}

pub(crate) fn byte(call: u32) -> u8 {
    (call ^ call >> 8) as u8
}

fn is_whole(call: u32, load: &[u8]) -> bool {
    load.iter().all(|other| *other == byte(call))
}

fn has_number(file: &Region, call: u32) -> Result<(), String> {
    let mut word = [0; 8];
    file.read_at(0, &mut word).map_err(|error| error.to_string())?;
    let number = u64::from_ne_bytes(word);
    if number == u64::from(call) {
        return Ok(());
    }
    Err(format!("call {call} has the file of call {number}"))
}
