//! Functions as values, genuine and forged.

use ipc_pipe::{Message, Receiver, Sender, pipe};
use procspawn_core::{RemoteFn, StartMethod};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Serialize, Serializer};

use crate::support::{each_method, magic_places, run, start};

each_method! {
    functions_travel_in_arguments,
    functions_come_back,
    functions_travel_through_a_pipe_with_their_arguments,
}

fn double(x: u32) -> u32 {
    2 * x
}

fn negate(x: u32) -> u32 {
    !x
}

type Unary = RemoteFn<(u32,), u32>;

fn functions_travel_in_arguments(method: StartMethod) {
    let apply = |f: Unary, x: u32| f.call((x,));
    assert_eq!(run(method, apply, (RemoteFn::new(double), 21)), 42);
    assert_eq!(run(method, apply, (RemoteFn::new(negate), 0)), u32::MAX);
    assert_eq!(run(method, apply, (RemoteFn::new(|x: u32| x - 1), 1)), 0);
    let all = |all: Vec<Unary>, x: u32| all.iter().fold(x, |x, f| f.call((x,)));
    let functions = vec![RemoteFn::new(double), RemoteFn::new(double), RemoteFn::new(|x| x + 1)];
    assert_eq!(run(method, all, (functions, 10)), 41);
}

fn functions_come_back(method: StartMethod) {
    let choose = |up: bool| if up { Unary::new(|x| x + 1) } else { Unary::new(|x| x - 1) };
    assert_eq!(run(method, choose, (true,)).call((5,)), 6);
    assert_eq!(run(method, choose, (false,)).call((5,)), 4);
}

fn functions_travel_through_a_pipe_with_their_arguments(method: StartMethod) {
    let (tasks, mut ours) = pipe::<(Unary, u32)>().unwrap();
    let (mut results, sender) = pipe::<u32>().unwrap();
    let work = |mut tasks: Receiver<(Unary, u32)>, mut results: Sender<u32>, count: usize| {
        for _ in 0..count {
            let (function, x) = tasks.recv().unwrap();
            results.send(&function.call((x,))).unwrap();
        }
    };
    let child = start(method, work, (tasks, sender, 3));
    for (function, x, expected) in [
        (RemoteFn::new(double), 4, 8),
        (RemoteFn::new(negate), u32::MAX, 0),
        (RemoteFn::new(|x| x), 7, 7),
    ] {
        ours.send(&(function, x)).unwrap();
        assert_eq!(results.recv().unwrap(), expected);
    }
    child.join().unwrap();
}

#[test]
fn a_function_prints_its_name() {
    let function = Unary::new(double);
    assert_eq!(function.name(), "it::remote_fn::double");
    assert_eq!(format!("{function:?}"), "RemoteFn(\"it::remote_fn::double\")");
    let copy = function;
    assert_eq!(copy.call((1,)) + function.call((1,)), 4);
}

/// An encoded function.
#[derive(Debug, Serialize, Deserialize)]
enum Form {
    Place(Name),
    Registered(String),
}

/// The fields of one that is named by its place.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Name {
    module: [u8; 32],
    offset: u64,
    function: u64,
}

fn name(function: Unary) -> Name {
    match Message::encode(&function).unwrap().decode().unwrap() {
        Form::Place(name) => name,
        Form::Registered(name) => panic!("{name} is registered"),
    }
}

fn find(name: Name) -> Result<Unary, String> {
    found(Form::Place(name))
}

fn found(form: Form) -> Result<Unary, String> {
    Message::encode(&form).unwrap().decode().map_err(|error| error.to_string())
}

/// Bytes that are a message as they stand.
struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        self.0.iter().try_for_each(|byte| tuple.serialize_element(byte))?;
        tuple.end()
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[test]
fn a_genuine_name_is_found() {
    let found = find(name(RemoteFn::new(double))).unwrap();
    assert_eq!(found.call((4,)), 8);
    let bytes = Message::encode(&Unary::new(double)).unwrap().bytes().to_vec();
    let found: Unary = Message::encode(&Raw(&bytes)).unwrap().decode().unwrap();
    assert_eq!(found.call((5,)), 10);
}

#[test]
fn a_function_of_another_type_is_refused() {
    let message = |function: Unary| Message::encode(&function).unwrap();
    let refused = |error: String| assert!(error.contains("another type"), "{error}");
    refused(
        message(RemoteFn::new(double)).decode::<RemoteFn<(i32,), i32>>().unwrap_err().to_string(),
    );
    refused(
        message(RemoteFn::new(double)).decode::<RemoteFn<(u32,), ()>>().unwrap_err().to_string(),
    );
    refused(message(RemoteFn::new(double)).decode::<RemoteFn<(), u32>>().unwrap_err().to_string());
    // The place of one function with the hash of another.
    let (one, other) = (name(RemoteFn::new(double)), name(RemoteFn::new(negate)));
    refused(find(Name { function: other.function, ..one }).unwrap_err());
}

#[test]
fn a_function_of_another_build_is_refused() {
    let mut other = name(RemoteFn::new(double));
    other.module[7] ^= 1;
    let error = find(other).unwrap_err();
    assert!(error.contains("another build"), "{error}");
}

#[test]
fn a_name_that_nobody_has_registered_is_refused() {
    for name in ["", "it::remote_fn::double", "\0", &"x".repeat(1 << 20)] {
        found(Form::Registered(name.into())).unwrap_err();
    }
}

#[test]
fn random_offsets_are_refused() {
    let genuine = name(RemoteFn::new(double));
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..20_000u64 {
        let offset = match round % 4 {
            // Anywhere, near the genuine one, within the first 32 MiB (aligned), at the very end.
            0 => numbers.next(),
            1 => genuine.offset.wrapping_add(numbers.next() % 4096).wrapping_sub(2048),
            2 => (numbers.next() % (32 << 20)) & !7,
            _ => u64::MAX - round,
        };
        if offset != genuine.offset {
            // Another instance of the same entry may stand elsewhere; all else is refused.
            if let Ok(found) = find(Name { offset, ..genuine }) {
                assert_eq!(found.call((4,)), 8);
            }
        }
    }
}

#[test]
fn bytes_that_look_like_an_entry_are_refused() {
    let genuine = name(RemoteFn::new(double));
    // All places of this program where an entry's magic number stands, in code and constants alike.
    let places = magic_places(genuine.offset);
    assert!(places.contains(&genuine.offset), "{places:?}");
    for offset in places {
        if let Ok(found) = find(Name { offset, ..genuine }) {
            assert_eq!(found.call((4,)), 8);
        }
    }
}

#[test]
fn ten_thousand_mutations_are_refused() {
    let genuine = Message::encode(&Unary::new(double)).unwrap().bytes().to_vec();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    for _ in 0..10_000 {
        let mut bytes = genuine.clone();
        for _ in 0..=numbers.below(3) {
            match numbers.below(4) {
                0 => bytes.truncate(numbers.below(bytes.len().max(1))),
                1 => bytes.insert(numbers.below(bytes.len() + 1), numbers.next() as u8),
                _ if bytes.is_empty() => {}
                _ => {
                    let at = numbers.below(bytes.len());
                    bytes[at] ^= 1 << numbers.below(8);
                }
            }
        }
        if bytes != genuine {
            let result = Message::encode(&Raw(&bytes)).unwrap().decode::<Unary>();
            assert!(result.is_err(), "{bytes:?}");
        }
    }
}
