//! What the targets share: a type with everything that a hostile message can abuse.
#![deny(unsafe_code)]

use std::collections::BTreeMap;

use ipc_pipe::{Bulk, Connection, Handle, Message, Receiver, Sender};
use serde::{Deserialize, Serialize};

/// Recursive, with lengths, text, elements without bytes, numbers in bulk, and descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub enum Rich {
    Unit,
    Number(i128),
    Float(f64),
    Letter(char),
    Text(String),
    Bytes(Vec<u8>),
    Units(Vec<()>),
    Wide(Vec<[u64; 16]>),
    Map(BTreeMap<String, Rich>),
    Many(Vec<Rich>),
    Pair(Box<(Rich, Rich)>),
    Maybe { rest: Option<Box<Rich>> },
    Bulk(Bulk<u32>),
    Handle(Handle),
    Ends(Option<Sender<Rich>>, Option<Receiver<Rich>>, Option<Connection<u8>>),
    Message(Message),
}
