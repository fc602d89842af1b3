//! Values on their way into a child and back.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;

use ipc_pipe::{Bulk, Bytes, Connection, Handle, Receiver, Sender, duplex, pipe};
use procspawn_core::{JoinError, StartMethod};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::{contents, each_method, nameless, run, start};

each_method! {
    types_of_all_shapes_come_back,
    lengths_around_every_boundary_come_back,
    a_result_is_a_value_like_any_other,
    numbers_in_bulk_come_back,
    an_open_file_goes_along_and_comes_back,
    a_connection_goes_along,
    a_connection_comes_back,
    a_receiver_is_passed_on_to_a_grandchild,
    a_value_that_cannot_be_encoded_is_an_error_of_join,
    a_value_that_does_not_decode_is_an_error_of_join,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Tuple(u8, String),
    Named { inner: Box<Shape>, map: BTreeMap<String, Vec<Option<i64>>> },
}

fn types_of_all_shapes_come_back(method: StartMethod) {
    let inner = Box::new(Shape::Tuple(255, "é".repeat(100)));
    let map = BTreeMap::from([("a".into(), vec![None, Some(i64::MIN)]), (String::new(), vec![])]);
    let shapes = vec![Shape::Unit, Shape::Named { inner, map }];
    assert_eq!(run(method, |shapes: Vec<Shape>| shapes, (shapes.clone(),)), shapes);

    let map: HashMap<char, (bool, [u16; 3])> = HashMap::from([('x', (true, [1, 2, 3]))]);
    assert_eq!(run(method, |map: HashMap<char, (bool, [u16; 3])>| map, (map.clone(),)), map);

    let odd = run(method, |x: f64| (x, -0.0f64, f64::NAN, u128::MAX), (f64::MIN_POSITIVE,));
    assert_eq!((odd.0, odd.3), (f64::MIN_POSITIVE, u128::MAX));
    assert!(odd.1.is_sign_negative() && odd.2.is_nan());
}

fn lengths_around_every_boundary_come_back(method: StartMethod) {
    for around in [0, 128, 8 * 1024, 64 * 1024, 1 << 20] {
        for len in [around - around.min(40), around - around.min(1), around, around + 1] {
            let text: String = ('a'..='z').cycle().take(len).collect();
            let back = run(method, |text: String| text + "!", (text.clone(),));
            assert_eq!(back.len(), len + 1);
            assert!(back.starts_with(&text) && back.ends_with('!'), "length {len}");
        }
    }
}

fn a_result_is_a_value_like_any_other(method: StartMethod) {
    let parse = |text: String| text.parse::<u32>().map_err(|error| error.to_string());
    assert_eq!(run(method, parse, ("12".into(),)), Ok(12));
    assert_eq!(run(method, parse, ("x".into(),)), Err("invalid digit found in string".into()));
}

fn numbers_in_bulk_come_back(method: StartMethod) {
    for len in [0, 1, 1000, 100_000] {
        let numbers: Vec<f64> = (0..len).map(f64::from).collect();
        let back = run(
            method,
            |numbers: Bulk<f64>| Bulk::from(numbers.iter().map(|x| 2.0 * x).collect::<Vec<_>>()),
            (Bulk::from(numbers.clone()),),
        );
        assert!(back.iter().zip(&numbers).all(|(two, one)| *two == 2.0 * one));
        assert_eq!(back.len(), numbers.len());
    }
    assert_eq!(run(method, |bytes: Bytes| bytes, (Bytes::from(vec![7; 1 << 20]),)).len(), 1 << 20);
}

fn an_open_file_goes_along_and_comes_back(method: StartMethod) {
    let file = nameless();
    let Handle(mut back) = run(
        method,
        |mut file: Handle<File>| {
            file.write_all(b"from the child").unwrap();
            file
        },
        (Handle(file.try_clone().unwrap()),),
    );
    assert_eq!(contents(file), "from the child");
    back.rewind().unwrap();
    let mut text = String::new();
    back.read_to_string(&mut text).unwrap();
    assert_eq!(text, "from the child");
}

fn a_connection_goes_along(method: StartMethod) {
    let (mut ours, theirs) = duplex::<String, u64>().unwrap();
    let talk = |mut numbers: Connection<u64, String>| {
        for n in 0.. {
            let Ok(text) = numbers.recv() else { return n };
            if text == "end" {
                return n;
            }
            numbers.send(&(text.len() as u64)).unwrap();
        }
        unreachable!()
    };
    let child = start(method, talk, (theirs,));
    for text in ["a", "bb", &"c".repeat(100_000)] {
        ours.send(&text.to_string()).unwrap();
        assert_eq!(ours.recv().unwrap(), text.len() as u64);
    }
    ours.send(&"end".to_string()).unwrap();
    assert_eq!(child.join().unwrap(), 3);
}

fn a_connection_comes_back(method: StartMethod) {
    let make = || {
        let (receiver, mut sender) = pipe::<String>().unwrap();
        sender.send(&"sent by one that is gone".into()).unwrap();
        (receiver, sender)
    };
    let (mut receiver, mut sender) = run(method, make, ());
    assert_eq!(receiver.recv().unwrap(), "sent by one that is gone");
    sender.send(&"and goes on".into()).unwrap();
    assert_eq!(receiver.recv().unwrap(), "and goes on");
}

fn a_receiver_is_passed_on_to_a_grandchild(method: StartMethod) {
    let (receiver, mut sender) = pipe::<u32>().unwrap();
    let pass_on = |receiver: Receiver<u32>, method: StartMethod| {
        run(method, |mut receiver: Receiver<u32>| receiver.recv().unwrap() + 1, (receiver,))
    };
    let child = start(method, pass_on, (receiver, method));
    sender.send(&41).unwrap();
    assert_eq!(child.join().unwrap(), 42);
    let _: Sender<u32> = sender;
}

/// Refuses to be encoded.
#[derive(Debug, Deserialize)]
pub(crate) struct Mute;

impl Serialize for Mute {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it would rather not"))
    }
}

/// Is encoded as a number, and refuses to be decoded.
#[derive(Debug, Serialize)]
pub(crate) struct Deaf(pub(crate) u8);

impl<'de> Deserialize<'de> for Deaf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer)?;
        Err(serde::de::Error::custom("it heard nothing"))
    }
}

fn a_value_that_cannot_be_encoded_is_an_error_of_join(method: StartMethod) {
    let child = start(method, || Mute, ());
    let known = child.child().clone();
    let result = child.join();
    let Err(JoinError::Encode(why)) = &result else { panic!("{result:?}") };
    assert!(!why.is_empty());
    assert_eq!(known.exit_status().unwrap().code(), Some(1));
}

fn a_value_that_does_not_decode_is_an_error_of_join(method: StartMethod) {
    let result = start(method, || Deaf(3), ()).join();
    assert!(matches!(result, Err(JoinError::Decode(_))), "{result:?}");
    let shared = run(method, |x: Arc<String>| x, (Arc::new("shared".into()),));
    assert_eq!(*shared, "shared");
}
