//! Arguments and values that cannot cross.

use pool::{Executor, TaskError};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::support::{double, each_encoding, each_executor};

each_encoding! {
    arguments_that_cannot_be_encoded,
    arguments_that_cannot_be_decoded,
    values_that_cannot_be_encoded,
    values_that_cannot_be_decoded,
    arguments_that_panic_while_they_are_encoded,
    values_that_panic_while_they_are_encoded,
    one_bad_element_fails_itself_only,
    the_pool_survives_many_of_them,
}

each_executor! {
    long_values_cross,
    values_of_many_types_cross,
}

/// What goes wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Fault {
    None,
    Encode,
    Decode,
    Panic,
}

/// A value that has a fault.
#[derive(Debug, PartialEq)]
struct Faulty(Fault);

impl Serialize for Faulty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Fault::Encode => Err(S::Error::custom("it will not leave")),
            Fault::Panic => panic!("it will not be asked"),
            fault => fault.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Faulty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Fault::deserialize(deserializer)? {
            Fault::Decode => Err(D::Error::custom("it will not arrive")),
            fault => Ok(Faulty(fault)),
        }
    }
}

fn take(faulty: Faulty) -> bool {
    faulty.0 == Fault::None
}

fn give(fault: Fault) -> Faulty {
    Faulty(fault)
}

fn arguments_that_cannot_be_encoded(pool: &impl Executor) {
    match pool.apply(take, (Faulty(Fault::Encode),)) {
        Err(TaskError::EncodeArguments(why)) => assert!(why.contains("it will not leave"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(pool.apply(take, (Faulty(Fault::None),)).unwrap());
}

fn arguments_that_cannot_be_decoded(pool: &impl Executor) {
    match pool.apply(take, (Faulty(Fault::Decode),)) {
        Err(TaskError::Arguments(_)) => {}
        other => panic!("{other:?}"),
    }
    assert!(pool.apply(take, (Faulty(Fault::None),)).unwrap());
}

fn values_that_cannot_be_encoded(pool: &impl Executor) {
    match pool.apply(give, (Fault::Encode,)) {
        Err(TaskError::EncodeValue(why)) => assert!(why.contains("it will not leave"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.apply(give, (Fault::None,)).unwrap(), Faulty(Fault::None));
}

fn values_that_cannot_be_decoded(pool: &impl Executor) {
    match pool.apply(give, (Fault::Decode,)) {
        Err(TaskError::Value(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.apply(give, (Fault::None,)).unwrap(), Faulty(Fault::None));
}

fn arguments_that_panic_while_they_are_encoded(pool: &impl Executor) {
    let error = pool.apply(take, (Faulty(Fault::Panic),)).unwrap_err();
    assert!(error.to_string().contains("it will not be asked"), "{error}");
    assert!(pool.apply(take, (Faulty(Fault::None),)).unwrap());
}

fn values_that_panic_while_they_are_encoded(pool: &impl Executor) {
    let error = pool.apply(give, (Fault::Panic,)).unwrap_err();
    assert!(error.to_string().contains("it will not be asked"), "{error}");
    assert_eq!(pool.apply(give, (Fault::None,)).unwrap(), Faulty(Fault::None));
}

fn one_bad_element_fails_itself_only(pool: &impl Executor) {
    let faults =
        [Fault::None, Fault::Encode, Fault::Decode, Fault::None, Fault::Panic, Fault::None];
    let good = [true, false, false, true, false, true];
    for chunk in [1, 2, 6, 10] {
        let arguments = pool.call(take).chunk_size(chunk).map_each(faults.map(Faulty)).unwrap();
        assert_eq!(arguments.iter().map(Result::is_ok).collect::<Vec<_>>(), good, "{chunk}");
        let values = pool.call(give).chunk_size(chunk).map_each(faults).unwrap();
        assert_eq!(values.iter().map(Result::is_ok).collect::<Vec<_>>(), good, "{chunk}");
        let job = pool.call(take).chunk_size(chunk).map_async(faults.map(Faulty));
        assert_eq!(job.get_each().iter().map(Result::is_ok).collect::<Vec<_>>(), good, "{chunk}");
    }
}

fn the_pool_survives_many_of_them(pool: &impl Executor) {
    for fault in [Fault::Encode, Fault::Decode, Fault::Panic].into_iter().cycle().take(60) {
        pool.apply(give, (fault,)).unwrap_err();
        pool.apply(take, (Faulty(fault),)).unwrap_err();
    }
    assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
}

fn long_values_cross(pool: &impl Executor) {
    let turn = |bytes: Vec<u8>| bytes.into_iter().rev().collect::<Vec<_>>();
    for size in [0, 1, 1000, 64 << 10, 1 << 20, 5 << 20] {
        let bytes: Vec<u8> = (0..size).map(|n| n as u8).collect();
        let turned: Vec<u8> = bytes.iter().rev().copied().collect();
        assert_eq!(pool.apply(turn, (bytes,)).unwrap(), turned);
    }
}

fn values_of_many_types_cross(pool: &impl Executor) {
    let echo = |it: (Option<Box<i128>>, Result<char, f64>, (), [bool; 3])| it;
    let it = (Some(Box::new(i128::MIN)), Err(0.5), (), [true, false, true]);
    assert_eq!(pool.apply(echo, (it.clone(),)).unwrap(), it);
    assert!(pool.apply(|it: Faulty| it, (Faulty(Fault::None),)).is_ok());
}
