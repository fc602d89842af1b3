//! Named regions of `ipc-shm`: a name is there complete or not at all, goes with its last user, and
//! stays as long as one lives.

use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use ipc_shm::{Region, Shared, ShmError};

use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

const VALUE: u64 = 0x0123_4567_89ab_cdef;

/// A name, which no other run uses.
struct Name(String);

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, fresh, victim, is_free);
    vec![
        Box::new(new("region/create", create)),
        Box::new(new("region/create+opener", create).barger(open_if_there)),
        Box::new(new("region/create+creator", create).barger(create_if_free)),
        Box::new(new("region/open", open).holder(keep)),
        Box::new(new("region/open+creator-leaves", open).holder(keep).barger(open_if_there)),
        Box::new(new("region/drop", leave)),
        Box::new(new("region/drop+user", leave).sleeper(keep_opened)),
        Box::new(new("region/drop+opener", leave).barger(open_if_there)),
        Box::new(new("region/unlink", unlink)),
        Box::new(new("region/unlink+creator", unlink).barger(create_if_free)),
        Box::new(new("region/sweep", sweep).holder(abandon)),
        Box::new(new("region/sweep+creator", sweep).holder(abandon).barger(create_if_free)),
        Box::new(new("region/double", leave).recovery(leave)),
    ]
}

fn fresh() -> Name {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    Name(format!("kill-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed)))
}

impl Name {
    fn create(&self) -> Result<Shared<u64>, ShmError> {
        Shared::create(&self.0, VALUE)
    }

    fn open(&self) -> Result<Shared<u64>, ShmError> {
        Shared::open(&self.0)
    }

    fn exists(&self) -> bool {
        Path::new(&format!("/dev/shm/multiproc-shm.{}", self.0)).exists()
    }
}

fn create(name: &Name) {
    drop(marked(|| name.create()));
}

fn open(name: &Name) {
    let value = marked(|| name.open());
    assert_eq!(*value.expect("it is in use"), VALUE);
}

fn leave(name: &Name) {
    let value = name.create().expect("a name that is free");
    marked(|| drop(value));
}

fn unlink(name: &Name) {
    let region = Region::options().named(&name.0, 8).expect("a name that is free");
    marked(|| region.unlink()).expect("a name that is there");
}

fn sweep(_: &Name) {
    marked(ipc_shm::sweep).expect("a folder that can be read");
}

/// Leaves a name without a user, as a process that is killed does.
fn abandon(name: &Name) {
    std::mem::forget(name.create().expect("a name that is free"));
}

fn keep(name: &Name) {
    let value = name.create().expect("a name that is free");
    keeps_its_name(name, &value);
}

fn keep_opened(name: &Name) {
    let value = name.open().expect("it is in use");
    keeps_its_name(name, &value);
}

/// While one uses it, others find it by its name.
fn keeps_its_name(name: &Name, value: &Shared<u64>) {
    hold();
    let again = name.open().expect("it is in use");
    assert_eq!((**value, *again), (VALUE, VALUE));
}

/// What has a name is complete.
fn open_if_there(name: &Name) {
    match name.open() {
        Ok(value) => assert_eq!(*value, VALUE),
        Err(ShmError::NotFound(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

fn create_if_free(name: &Name) {
    match name.create() {
        Ok(value) => keeps_its_name(name, &value),
        Err(ShmError::AlreadyExists(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Nobody uses it any more: a sweep takes the name away, and it can be given again.
fn is_free(name: &Name, _: &After) -> Verdict {
    let words = |error: ShmError| error.to_string();
    ipc_shm::sweep().map_err(words)?;
    if name.exists() {
        return Err("a name without a user is left".to_owned());
    }
    let value = name.create().map_err(words)?;
    if *name.open().map_err(words)? != VALUE {
        return Err("another value under the name".to_owned());
    }
    drop(value);
    if name.exists() { Err("the name did not go with its last user".to_owned()) } else { Ok(()) }
}
