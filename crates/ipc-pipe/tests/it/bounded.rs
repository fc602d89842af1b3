//! Messages that want to exhaust the stack, the memory or the time.

use std::collections::BTreeMap;

use ipc_pipe::{Message, pipe};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
    Many(Vec<Tree>),
}

fn chain(len: usize) -> Vec<u8> {
    let mut bytes = vec![1; len];
    bytes.push(0);
    bytes
}

#[test]
fn nesting_up_to_the_limit() {
    assert!(Message::from_bytes(chain(40)).decode::<Tree>().is_ok());
    for len in [200, 1_000_000] {
        let error = Message::from_bytes(chain(len)).decode::<Tree>().unwrap_err();
        assert!(error.to_string().contains("nested"), "{error}");
    }
}

#[test]
fn nested_sequences() {
    let bytes = [2, 1].repeat(100_000);
    assert!(Message::from_bytes(bytes).decode::<Tree>().is_err());
}

/// A short message that claims 2⁶³ elements.
#[test]
fn claimed_lengths() {
    let mut bytes = vec![0xff; 9];
    bytes.push(0x01);
    bytes.resize(64, 1);
    let message = || Message::from_bytes(bytes.clone());
    assert!(message().decode::<Vec<u8>>().is_err());
    assert!(message().decode::<Vec<[u64; 32]>>().is_err());
    assert!(message().decode::<String>().is_err());
    assert!(message().decode::<Vec<Tree>>().is_err());
    assert!(message().decode::<BTreeMap<u8, u8>>().is_err());
    assert!(message().decode::<ipc_pipe::Bulk<u64>>().is_err());
}

#[test]
fn elements_without_bytes() {
    let bytes = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    let error = Message::from_bytes(bytes).decode::<Vec<()>>().unwrap_err();
    assert!(error.to_string().contains("more elements"), "{error}");
    let message = Message::encode(&vec![(); 60_000]).unwrap();
    assert_eq!(message.decode::<Vec<()>>().unwrap().len(), 60_000);
}

/// A sequence of elements with bytes of their own is bounded by the bytes alone.
#[test]
fn honest_lengths() {
    let (mut receiver, mut sender) = pipe::<(Vec<u8>, BTreeMap<u32, String>)>().unwrap();
    let map = (0..1000).map(|number| (number, number.to_string())).collect();
    let value = (vec![1; 100_000], map);
    sender.send(&value).unwrap();
    assert_eq!(receiver.recv().unwrap(), value);
}
