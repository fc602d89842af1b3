//! What only `Array` has; what it has in common with other locks is in `contract`.

use procspawn_core::StartMethod;
use sync_primitives::{Array, ArrayGuard, LockError};

use crate::support::{Child, Turn, each_method, run};

each_method! { a_child_changes_it_in_place, updates_are_exact, a_holder_dies }

#[test]
fn smoke() {
    let array = Array::from_slice(&[3, 1, 2]).unwrap();
    assert_eq!((array.len(), array.get(1).unwrap()), (3, 1));
    array.set(1, 9).unwrap();
    let mut guard = array.lock().unwrap();
    guard[..2].copy_from_slice(&[5, 4]);
    guard[1..].sort_unstable();
    assert_eq!(guard[1..], [2, 4]);
    drop(guard);
    assert_eq!(array.clone().to_vec().unwrap(), [5, 2, 4]);
}

/// Also if the memory had another use before.
#[test]
fn from_a_size_it_is_zero() {
    for _ in 0..3 {
        let array = Array::<u64>::with_len(3000).unwrap();
        assert!(array.to_vec().unwrap().iter().all(|element| *element == 0));
        array.lock().unwrap().fill(u64::MAX);
    }
    assert!(Array::<u64>::with_len(0).is_err());
    assert!(Array::<u64>::from_slice(&[]).is_err());
}

/// The index is checked before anything is locked, so the array is as good as before.
#[test]
fn an_index_out_of_range_panics_and_poisons_nothing() {
    let array = Array::from_slice(&[3, 1, 2]).unwrap();
    let panics: [fn(Array<i32>); 3] = [
        |array| drop(array.get(3)),
        |array| drop(array.set(3, 1)),
        |array| drop(array.get(usize::MAX)),
    ];
    for panics in panics {
        let other = array.clone();
        assert!(std::thread::spawn(move || panics(other)).join().is_err());
    }
    assert_eq!(array.to_vec().unwrap(), [3, 1, 2]);
}

/// A panic in the middle of a change is another thing.
#[test]
fn a_panic_in_an_update_poisons() {
    let array = Array::from_slice(&[3, 1, 2]).unwrap();
    let other = array.clone();
    let panics = move || other.update(|elements| elements[3] = 1);
    assert!(std::thread::spawn(panics).join().is_err());
    assert!(matches!(array.get(0), Err(LockError::Poisoned(()))));
    ArrayGuard::mark_consistent(&array.lock().unwrap_err().into_guard().unwrap());
    assert_eq!(array.get(0).unwrap(), 3);
}

#[test]
fn debug() {
    let array = Array::from_slice(&[3, 1]).unwrap();
    let text = "Array { len: 2, lock: Mutex { locked: false, poisoned: false, .. } }";
    assert_eq!(format!("{array:?}"), text);
    assert_eq!(format!("{:?}", array.lock().unwrap()), "[3, 1]");
}

fn a_child_changes_it_in_place(method: StartMethod) {
    let array = Array::from_slice(&[0.5, 1.5, 2.5]).unwrap();
    let changes = |array: Array<f64>| {
        array.set(0, 9.5).unwrap();
        array.lock().unwrap()[1..].reverse();
        array.update(|elements| elements[1] += 1.0).unwrap();
        array
    };
    let back = run(method, changes, (array.clone(),));
    assert_eq!(array.to_vec().unwrap(), [9.5, 3.5, 1.5]);
    assert_eq!(back.to_vec().unwrap(), [9.5, 3.5, 1.5]);
}

fn updates_are_exact(method: StartMethod) {
    let array = Array::<u32>::with_len(4).unwrap();
    let mut children: Vec<Child<()>> = (0..4)
        .map(|_| {
            Child::start(method, &array, |array: Array<u32>, _: Turn| {
                for at in 0..2000 {
                    array.update(|elements| elements[at % 4] += 1).unwrap();
                }
            })
        })
        .collect();
    children.iter_mut().for_each(Child::join);
    assert_eq!(array.to_vec().unwrap(), [2000; 4]);
}

fn a_holder_dies(method: StartMethod) {
    let array = Array::<u32>::with_len(2).unwrap();
    let holder: Child<()> = Child::ready(method, &array, |array: Array<u32>, mut turn: Turn| {
        let mut guard = array.lock().unwrap();
        guard[0] = 1;
        turn.pass();
        guard[1] = 1;
    });
    holder.kill();
    assert!(matches!(array.get(0), Err(LockError::OwnerDied(()))));
    assert!(matches!(array.to_vec(), Err(LockError::OwnerDied(()))));
    let Err(LockError::OwnerDied(guard)) = array.lock() else { panic!("not told") };
    assert_eq!(*guard, [1, 0]);
    ArrayGuard::mark_consistent(&guard);
    drop(guard);
    assert_eq!(array.get(0).unwrap(), 1);
}
