//! The descriptors that ride beside the bytes of the message being encoded or decoded.
//!
//! serde hands a value only its serializer, so the descriptors of the message at hand live in a
//! thread-local for the time of one call of [`load`] or [`unload`]. Outside of such a call nothing
//! can carry a descriptor, and encoding one is an error.

use std::cell::RefCell;
use std::os::fd::OwnedFd;

/// What the message at hand carries.
#[derive(Debug)]
enum Cargo {
    /// A message is being encoded: descriptors collected so far.
    Loading(Vec<OwnedFd>),
    /// A message is being decoded: descriptors that nobody has taken yet.
    Unloading(Vec<Option<OwnedFd>>),
}

thread_local! {
    static CARGO: RefCell<Option<Cargo>> = const { RefCell::new(None) };
}

/// Puts the outer message's cargo back, however the inner call ends.
struct Restore(Option<Cargo>);

impl Drop for Restore {
    fn drop(&mut self) {
        swap(self.0.take());
    }
}

/// Exchanges the cargo at hand; in a thread whose locals are gone there is none.
fn swap(cargo: Option<Cargo>) -> Option<Cargo> {
    CARGO.try_with(|cell| cell.replace(cargo)).ok().flatten()
}

/// Runs `encode` and returns the descriptors that were attached meanwhile.
pub(crate) fn load<R>(encode: impl FnOnce() -> R) -> (R, Vec<OwnedFd>) {
    let _outer = Restore(swap(Some(Cargo::Loading(Vec::new()))));
    let result = encode();
    match swap(None) {
        Some(Cargo::Loading(descriptors)) => (result, descriptors),
        _ => (result, Vec::new()),
    }
}

/// Runs `decode` with `descriptors` to take from; those left over are closed.
pub(crate) fn unload<R>(descriptors: Vec<OwnedFd>, decode: impl FnOnce() -> R) -> R {
    let descriptors = descriptors.into_iter().map(Some).collect();
    let _outer = Restore(swap(Some(Cargo::Unloading(descriptors))));
    decode()
}

/// True while a message that can carry descriptors is being encoded by this thread.
pub(crate) fn can_attach() -> bool {
    let loading = |cargo: &Option<Cargo>| matches!(cargo, Some(Cargo::Loading(_)));
    CARGO.try_with(|cell| loading(&cell.borrow())).unwrap_or(false)
}

/// Adds a descriptor to the message at hand and returns its number there.
pub(crate) fn attach(descriptor: OwnedFd) -> Option<u32> {
    CARGO
        .try_with(|cell| match &mut *cell.borrow_mut() {
            Some(Cargo::Loading(descriptors)) => {
                descriptors.push(descriptor);
                u32::try_from(descriptors.len() - 1).ok()
            }
            _ => None,
        })
        .ok()?
}

/// Takes descriptor `number` out of the message at hand; each can be taken once.
pub(crate) fn take(number: u32) -> Option<OwnedFd> {
    CARGO
        .try_with(|cell| match &mut *cell.borrow_mut() {
            Some(Cargo::Unloading(descriptors)) => descriptors.get_mut(number as usize)?.take(),
            _ => None,
        })
        .ok()?
}
