//! What all locks have in common: tests that hold for each are written once, for [`Exclusive`].

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ipc_shm::{Shareable, Shared};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sync_primitives::{
    AcquireError, Array, ArrayGuard, BoundedSemaphore, LockError, Monitor, Mutex, MutexGuard,
    Permit, ReentrantMutex, ReentrantMutexGuard, RwLock, Value, WriteGuard,
};

/// How long to wait for a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Now,
    Wait,
    For(Duration),
    Until(Instant),
}

/// What came of it, without the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) enum Said {
    Fine,
    OwnerDied,
    Poisoned,
    WouldBlock,
    TimedOut,
    Deadlock,
    TooManyHeld,
    Corrupt,
    Unsupported,
}

/// A lock, held, with a counter that is not atomic but for the name.
pub(crate) trait Held {
    fn get(&self) -> u64;
    fn set(&mut self, value: u64);
    fn mark_consistent(&self);
}

/// A lock that one thread holds at a time, with a counter, in shared memory.
pub(crate) trait Exclusive:
    Clone + Send + Serialize + DeserializeOwned + std::fmt::Debug + 'static
{
    type Guard<'a>: Held;
    /// Whether the next locker is told that a holder died or panicked.
    const TELLS: bool = true;
    /// What a thread is told that locks again what it holds.
    const AGAIN: Said = Said::Deadlock;

    fn fresh() -> Self;

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>);

    /// Writes over its memory (see [`scribble`](crate::system::scribble)); false if it is hidden.
    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool;

    /// Takes it for good: until the thread dies.
    fn take_for_good(&self) -> Said {
        let (said, guard) = self.take(How::Until(crate::support::soon()));
        std::mem::forget(guard);
        said
    }

    /// Takes it and gives it back.
    fn try_out(&self, how: How) -> Said {
        self.take(how).0
    }

    /// Takes it; it must be free, or get free soon, and well.
    #[track_caller]
    fn hold(&self) -> Self::Guard<'_> {
        let (said, guard) = self.take(How::Until(crate::support::soon()));
        assert_eq!(said, Said::Fine);
        guard.unwrap()
    }

    /// What the next locker is told after a death.
    fn after_death() -> Said {
        if Self::TELLS { Said::OwnerDied } else { Said::Fine }
    }
}

/// The one line that differs between the four forms of taking a lock.
macro_rules! take {
    ($lock:expr, $how:expr, $wait:ident $now:ident $for:ident $until:ident) => {
        match $how {
            How::Wait => $lock.$wait(),
            How::Now => $lock.$now(),
            How::For(timeout) => $lock.$for(timeout),
            How::Until(deadline) => $lock.$until(deadline),
        }
    };
}

pub(crate) fn said<G>(error: &LockError<G>) -> Said {
    match error {
        LockError::OwnerDied(_) => Said::OwnerDied,
        LockError::Poisoned(_) => Said::Poisoned,
        LockError::WouldBlock => Said::WouldBlock,
        LockError::TimedOut => Said::TimedOut,
        LockError::Deadlock => Said::Deadlock,
        LockError::TooManyHeld => Said::TooManyHeld,
        LockError::Corrupt => Said::Corrupt,
        _ => Said::Unsupported,
    }
}

/// What a locker was told, and the guard if it has one.
pub(crate) fn apart<G>(result: Result<G, LockError<G>>) -> (Said, Option<G>) {
    match result {
        Ok(guard) => (Said::Fine, Some(guard)),
        Err(error) => (said(&error), error.into_guard()),
    }
}

fn apart_permit<T>(result: Result<T, AcquireError>) -> (Said, Option<T>) {
    match result {
        Ok(permit) => (Said::Fine, Some(permit)),
        Err(AcquireError::WouldBlock) => (Said::WouldBlock, None),
        Err(AcquireError::TimedOut) => (Said::TimedOut, None),
        Err(AcquireError::TooManyHeld) => (Said::TooManyHeld, None),
        Err(AcquireError::Corrupt) => (Said::Corrupt, None),
        Err(_) => (Said::Unsupported, None),
    }
}

/// A semaphore with one permit, and what it guards.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Seat {
    name: u64,
    permit: BoundedSemaphore<4>,
    count: AtomicU64,
}

/// A monitor, and what it guards.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Room {
    name: u64,
    monitor: Monitor,
    count: AtomicU64,
}

/// A lock as a field of a struct of one's own.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct House {
    name: u32,
    door: Mutex<u64>,
    windows: [u16; 3],
}

/// The names that tests give the kinds.
pub(crate) type AMutex = Shared<Mutex<u64>>;
pub(crate) type AHouse = Shared<House>;
pub(crate) type AReentrant = Shared<ReentrantMutex<AtomicU64>>;
pub(crate) type AWriter = Shared<RwLock<u64>>;
pub(crate) type APermit = Shared<Seat>;
pub(crate) type AMonitor = Shared<Room>;
pub(crate) type AValue = Value<u64>;
pub(crate) type AnArray = Array<u64>;

/// Makes tests of each body for each kind of lock.
macro_rules! each_lock {
    ($runner:tt: $($body:ident),* $(,)?) => {$(
        mod $body {
            crate::family::each_lock! { @ $runner $body:
                mutex AMutex, field AHouse, reentrant AReentrant, writer AWriter, permit APermit,
                monitor AMonitor, value AValue, array AnArray
            }
        }
    )*};
    (@ here $body:ident: $($name:ident $kind:ident),*) => {$(
        #[test]
        fn $name() {
            super::$body::<crate::family::$kind>();
        }
    )*};
    (@ each_method $body:ident: $($name:ident $kind:ident),*) => {$(
        mod $name {
            crate::support::three_tests! { super::super::$body::<crate::family::$kind> }
        }
    )*};
    (@ [only $method:ident] $body:ident: $($name:ident $kind:ident),*) => {$(
        #[test]
        fn $name() {
            let body = super::$body::<crate::family::$kind>;
            crate::support::in_host(body, procspawn_core::StartMethod::$method);
        }
    )*};
}

pub(crate) use each_lock;

impl Exclusive for AMutex {
    type Guard<'a> = MutexGuard<'a, u64>;

    fn fresh() -> Self {
        Shared::new(Mutex::new(0)).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        apart(take!(self, how, lock try_lock lock_timeout lock_deadline))
    }

    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        crate::system::scribble(&**self, word);
        true
    }
}

impl Exclusive for AHouse {
    type Guard<'a> = MutexGuard<'a, u64>;

    fn fresh() -> Self {
        Shared::new(House { name: 7, door: Mutex::new(0), windows: [1, 2, 3] }).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        assert_eq!((self.name, self.windows), (7, [1, 2, 3]));
        apart(take!(self.door, how, lock try_lock lock_timeout lock_deadline))
    }

    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        crate::system::scribble(&self.door, word);
        true
    }
}

impl Exclusive for AReentrant {
    type Guard<'a> = ReentrantMutexGuard<'a, AtomicU64>;
    const AGAIN: Said = Said::Fine;

    fn fresh() -> Self {
        Shared::new(ReentrantMutex::new(AtomicU64::new(0))).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        apart(take!(self, how, lock try_lock lock_timeout lock_deadline))
    }

    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        crate::system::scribble(&**self, word);
        true
    }
}

impl Exclusive for AWriter {
    type Guard<'a> = WriteGuard<'a, u64>;

    fn fresh() -> Self {
        Shared::new(RwLock::new(0)).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        apart(take!(self, how, write try_write write_timeout write_deadline))
    }

    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        crate::system::scribble(&**self, word);
        true
    }
}

impl Exclusive for APermit {
    type Guard<'a> = (Permit<'a>, &'a AtomicU64);
    const TELLS: bool = false;
    // It may be the permit of another that comes back, so this is waited for.
    const AGAIN: Said = Said::TimedOut;

    fn fresh() -> Self {
        let permit = BoundedSemaphore::new(1).unwrap();
        Shared::new(Seat { name: 7, permit, count: AtomicU64::new(0) }).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        assert_eq!(self.name, 7);
        let permit = take!(self.permit, how, acquire try_acquire acquire_timeout acquire_deadline);
        let (said, permit) = apart_permit(permit);
        (said, permit.map(|permit| (permit, &self.count)))
    }

    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        crate::system::scribble(&self.permit, word);
        true
    }
}

impl Exclusive for AMonitor {
    type Guard<'a> = (MutexGuard<'a, ()>, &'a AtomicU64);

    fn fresh() -> Self {
        let room = Room { name: 7, monitor: Monitor::new(), count: AtomicU64::new(0) };
        Shared::new(room).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        assert_eq!(self.name, 7);
        let (said, guard) =
            apart(take!(self.monitor, how, lock try_lock lock_timeout lock_deadline));
        (said, guard.map(|guard| (guard, &self.count)))
    }

    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        crate::system::scribble(&self.monitor, word);
        true
    }
}

impl Exclusive for AValue {
    type Guard<'a> = MutexGuard<'a, u64>;

    fn fresh() -> Self {
        Value::new(0).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        apart(take!(self, how, lock try_lock lock_timeout lock_deadline))
    }

    fn scribble(&self, word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        crate::system::scribble::<Mutex<u64>>(self, word);
        true
    }
}

impl Exclusive for AnArray {
    type Guard<'a> = ArrayGuard<'a, u64>;

    fn fresh() -> Self {
        Array::with_len(3).unwrap()
    }

    fn take(&self, how: How) -> (Said, Option<Self::Guard<'_>>) {
        apart(take!(self, how, lock try_lock lock_timeout lock_deadline))
    }

    fn scribble(&self, _word: &mut dyn FnMut(usize) -> Option<u32>) -> bool {
        false
    }
}

impl Held for MutexGuard<'_, u64> {
    fn get(&self) -> u64 {
        **self
    }

    fn set(&mut self, value: u64) {
        **self = value;
    }

    fn mark_consistent(&self) {
        MutexGuard::mark_consistent(self);
    }
}

impl Held for ReentrantMutexGuard<'_, AtomicU64> {
    fn get(&self) -> u64 {
        self.load(Relaxed)
    }

    fn set(&mut self, value: u64) {
        self.store(value, Relaxed);
    }

    fn mark_consistent(&self) {
        ReentrantMutexGuard::mark_consistent(self);
    }
}

impl Held for WriteGuard<'_, u64> {
    fn get(&self) -> u64 {
        **self
    }

    fn set(&mut self, value: u64) {
        **self = value;
    }

    fn mark_consistent(&self) {
        WriteGuard::mark_consistent(self);
    }
}

impl Held for (Permit<'_>, &AtomicU64) {
    fn get(&self) -> u64 {
        self.1.load(Relaxed)
    }

    fn set(&mut self, value: u64) {
        self.1.store(value, Relaxed);
    }

    fn mark_consistent(&self) {}
}

impl Held for (MutexGuard<'_, ()>, &AtomicU64) {
    fn get(&self) -> u64 {
        self.1.load(Relaxed)
    }

    fn set(&mut self, value: u64) {
        self.1.store(value, Relaxed);
    }

    fn mark_consistent(&self) {
        MutexGuard::mark_consistent(&self.0);
    }
}

impl Held for ArrayGuard<'_, u64> {
    fn get(&self) -> u64 {
        self[1]
    }

    fn set(&mut self, value: u64) {
        self[1] = value;
    }

    fn mark_consistent(&self) {
        ArrayGuard::mark_consistent(self);
    }
}
