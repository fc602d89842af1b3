//! Keys as values.

use ipc_pipe::{AuthKey, Message};

#[test]
fn secret_in_debug() {
    let text = format!("{:?}", AuthKey::new("hunter2"));
    assert!(!text.contains("hunter2") && !text.contains("104"), "{text}");
}

#[test]
fn compared_by_bytes() {
    assert_eq!(AuthKey::new("same"), AuthKey::new(*b"same"));
    assert_ne!(AuthKey::new("same"), AuthKey::new("sam"));
    assert_ne!(AuthKey::new("same"), AuthKey::new("sane"));
    assert!(AuthKey::new("").is_empty());
}

#[test]
fn generated_keys_differ() {
    let (one, other) = (AuthKey::generate().unwrap(), AuthKey::generate().unwrap());
    assert_ne!(one, other);
    assert_eq!(one.as_bytes().len(), 32);
}

#[test]
fn travels() {
    let key = AuthKey::generate().unwrap();
    assert_eq!(Message::encode(&key).unwrap().decode::<AuthKey>().unwrap(), key);
}
