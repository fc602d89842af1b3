//! `#[multiproc::remote]` on functions of every shape it takes.

use std::collections::HashMap;

use multiproc::{Message, RemoteFn};

#[multiproc::remote]
fn nothing() {}

#[multiproc::remote]
fn commas(map: HashMap<u8, (u8, u8)>, apply: fn(u8, u8) -> u8, tail: Vec<u8>) -> usize {
    map.len() + tail.len() + usize::from(apply(1, 2))
}

mod inner {
    #[multiproc::remote]
    pub(crate) fn same_name(x: u32) -> u32 {
        x + 1
    }
}

#[multiproc::remote]
fn same_name(x: u32) -> u32 {
    x + 2
}

fn round_trip<A, R>(function: RemoteFn<A, R>) -> (String, RemoteFn<A, R>) {
    let message = Message::encode(&function).expect("a function can be encoded");
    let text = String::from_utf8_lossy(message.bytes()).into_owned();
    (text, message.decode().expect("this program has the function"))
}

#[test]
fn a_registered_function_travels_by_its_path() {
    let (text, function) = round_trip(RemoteFn::new(nothing));
    assert!(text.ends_with("remote::nothing"), "{text}");
    function.call(());
}

#[test]
fn arguments_of_any_type_are_counted_right() {
    let (_, function) = round_trip(RemoteFn::<
        (HashMap<u8, (u8, u8)>, fn(u8, u8) -> u8, Vec<u8>),
        usize,
    >::new(commas));
    assert_eq!(function.call((HashMap::new(), |a, b| a + b, vec![0; 4])), 7);
}

#[test]
fn functions_of_one_name_are_told_apart_by_their_modules() {
    assert_eq!(round_trip(RemoteFn::new(inner::same_name)).1.call((1,)), 2);
    assert_eq!(round_trip(RemoteFn::new(same_name)).1.call((1,)), 3);
}

#[test]
fn a_function_of_another_type_or_name_is_refused() {
    let message = Message::encode(&RemoteFn::new(same_name)).expect("a function can be encoded");
    let error = message.decode::<RemoteFn<(u64,), u32>>().expect_err("it has another type");
    assert!(error.to_string().contains("another type"), "{error}");

    let mut unknown = Message::encode(&RemoteFn::new(same_name)).unwrap().bytes().to_vec();
    *unknown.last_mut().unwrap() = b'_';
    let error = Message::from_bytes(unknown).decode::<RemoteFn<(u32,), u32>>();
    assert!(error.expect_err("there is none").to_string().contains("is registered"));
}
