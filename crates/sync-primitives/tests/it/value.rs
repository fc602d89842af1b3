//! What only `Value` has; what it has in common with other locks is in `contract`.

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::{LockError, Mutex, MutexGuard, Value};

use crate::support::{Child, Turn, each_method, run};

each_method! { numbers, a_struct, updates_are_exact, a_holder_dies, inside_another_value }

#[derive(Clone, Copy, Debug, PartialEq, Shareable)]
#[repr(C)]
struct Point {
    x: f64,
    y: f64,
}

#[test]
fn smoke() {
    let value = Value::new(3).unwrap();
    value.set(4).unwrap();
    assert_eq!(value.update(|value| std::mem::replace(value, 5)).unwrap(), 4);
    assert_eq!(value.clone().get().unwrap(), 5);
    let same = Value::from_shared(Shared::new(Mutex::new(1_u8)).unwrap());
    assert_eq!(same.get().unwrap(), 1);
}

#[test]
fn a_nested_use_is_refused() {
    let value = Value::new(3).unwrap();
    value.update(|_| assert!(matches!(value.get(), Err(LockError::Deadlock)))).unwrap();
}

#[test]
fn a_panic_poisons() {
    let value = Value::new(3).unwrap();
    let other = value.clone();
    let panics = move || other.update(|_| std::panic::resume_unwind(Box::new(())));
    assert!(std::thread::spawn(panics).join().is_err());
    assert!(matches!(value.get(), Err(LockError::Poisoned(()))));
    assert!(matches!(value.set(8), Err(LockError::Poisoned(()))));
    assert_eq!(*value.lock_or_repair(|_| ()).unwrap(), 3);
    assert_eq!(value.get().unwrap(), 3);
}

#[test]
fn debug() {
    let text = "Value(Mutex { locked: false, poisoned: false, .. })";
    assert_eq!(format!("{:?}", Value::new(3).unwrap()), text);
}

fn numbers(method: StartMethod) {
    let values = (
        Value::new(-1_i32).unwrap(),
        Value::new(0.5_f64).unwrap(),
        Value::new(-3_i16).unwrap(),
        Value::new(1_u64 << 63).unwrap(),
        Value::new(b'x').unwrap(),
    );
    let changes = |int: Value<i32>,
                   double: Value<f64>,
                   short: Value<i16>,
                   long: Value<u64>,
                   byte: Value<u8>| {
        int.set(int.get().unwrap() * 7).unwrap();
        double.update(|value| *value /= 4.0).unwrap();
        *short.lock().unwrap() -= 1;
        long.update(|value| *value |= 1).unwrap();
        byte.set(b'y').unwrap();
    };
    run(method, changes, values.clone());
    assert_eq!(values.0.get().unwrap(), -7);
    assert_eq!(values.1.get().unwrap().to_bits(), 0.125_f64.to_bits());
    assert_eq!(values.2.get().unwrap(), -4);
    assert_eq!(values.3.get().unwrap(), (1 << 63) | 1);
    assert_eq!(values.4.get().unwrap(), b'y');
}

fn a_struct(method: StartMethod) {
    let point = Value::new(Point { x: 1.0, y: 2.0 }).unwrap();
    let moves = |point: Value<Point>| {
        point.update(|point| *point = Point { x: point.y, y: point.x }).unwrap();
        point.get().unwrap().x
    };
    assert!(run(method, moves, (point.clone(),)) > 1.5);
    assert_eq!(point.get().unwrap(), Point { x: 2.0, y: 1.0 });
}

fn updates_are_exact(method: StartMethod) {
    let value = Value::new(0_u32).unwrap();
    let mut children: Vec<Child<()>> = (0..4)
        .map(|_| {
            Child::start(method, &value, |value: Value<u32>, _: Turn| {
                (0..2000).for_each(|_| value.update(|value| *value += 1).unwrap());
            })
        })
        .collect();
    children.iter_mut().for_each(Child::join);
    assert_eq!(value.get().unwrap(), 8000);
}

fn a_holder_dies(method: StartMethod) {
    let value = Value::new(1_u32).unwrap();
    let holder: Child<()> = Child::ready(method, &value, |value: Value<u32>, mut turn: Turn| {
        let _ = value.update(|value| {
            *value = 2;
            turn.pass();
        });
    });
    holder.kill();
    for _ in 0..2 {
        assert!(matches!(value.get(), Err(LockError::OwnerDied(()))));
        assert!(matches!(value.set(3), Err(LockError::OwnerDied(()))));
    }
    let Err(LockError::OwnerDied(guard)) = value.lock() else { panic!("not told") };
    assert_eq!(*guard, 2);
    MutexGuard::mark_consistent(&guard);
    drop(guard);
    assert_eq!(value.get().unwrap(), 2);
}

fn inside_another_value(method: StartMethod) {
    let values: Vec<(String, Option<Value<u32>>)> =
        vec![("one".into(), Some(Value::new(1).unwrap())), ("none".into(), None)];
    let doubles = |values: Vec<(String, Option<Value<u32>>)>| {
        let there = values.iter().filter_map(|(_, value)| value.as_ref());
        there.for_each(|value| value.update(|value| *value *= 2).unwrap());
        values
    };
    let back = run(method, doubles, (values.clone(),));
    assert_eq!(values[0].1.as_ref().unwrap().get().unwrap(), 2);
    assert_eq!(back[0].1.as_ref().unwrap().get().unwrap(), 2);
}
