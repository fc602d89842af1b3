//! One value, seen by several processes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ipc_shm::{Shared, ShmError};

use crate::support::{run, unique};

#[test]
fn smoke() {
    let counter = Shared::new(AtomicU64::new(1)).unwrap();
    run(|counter: Shared<AtomicU64>| counter.fetch_add(4, Relaxed), (counter.clone(),));
    assert_eq!(counter.load(Relaxed), 5);
    assert!(counter.ptr_eq(&counter.clone()));
}

#[test]
fn a_name_leads_to_the_same_value() {
    let name = unique("shared");
    let counter = Shared::create(&name, AtomicU64::new(1)).unwrap();
    run(
        |name: String| Shared::<AtomicU64>::open(&name).unwrap().fetch_add(4, Relaxed),
        (name.clone(),),
    );
    assert_eq!(counter.load(Relaxed), 5);
    let wrong = Shared::<u64>::open(&name);
    assert!(matches!(wrong, Err(ShmError::Layout { .. })), "{wrong:?}");
}
