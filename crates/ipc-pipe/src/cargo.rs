//! The descriptors that ride beside the bytes of the message being encoded or decoded.
//!
//! serde hands a value only its serializer, so the descriptors of the message at hand live in a
//! thread-local for the time of one call of [`load`] or [`unload`]. Outside of such a call nothing
//! can carry a descriptor, and encoding one is an error.
//!
//! Most messages carry none. So what is going on is a word of its own, and only where it says that
//! there are descriptors is the hold looked into.

use std::cell::{Cell, RefCell};
use std::os::fd::OwnedFd;

/// Where a message has its long numbers ([`Bulk`](crate::Bulk)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongNumbers {
    /// In memory files that ride beside it.
    Beside,
    /// Among its bytes, because these lie in shared memory themselves.
    Within,
}

/// What this thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    /// A message is being encoded; the hold is empty.
    Loading(LongNumbers),
    /// A message is being encoded; the hold has descriptors.
    Loaded(LongNumbers),
    /// A message with descriptors is being decoded; the hold has those that nobody has taken yet.
    Unloading,
}

thread_local! {
    static DOING: Cell<Doing> = const { Cell::new(Doing::Nothing) };
    static HOLD: RefCell<Vec<Option<OwnedFd>>> = const { RefCell::new(Vec::new()) };
}

/// Ends what is going on, however the call ends.
struct End;

impl Drop for End {
    #[inline]
    fn drop(&mut self) {
        if holds(DOING.replace(Doing::Nothing)) {
            swap_hold(Vec::new());
        }
    }
}

/// Runs `call` with what is going on already, if anything, out of the way.
///
/// That is rare: a value that encodes or decodes messages of its own.
#[inline]
fn apart<R>(call: impl FnOnce() -> R) -> R {
    if DOING.get() == Doing::Nothing { call() } else { within_another(call) }
}

#[cold]
fn within_another<R>(call: impl FnOnce() -> R) -> R {
    struct Restore(Doing, Vec<Option<OwnedFd>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            DOING.set(self.0);
            swap_hold(std::mem::take(&mut self.1));
        }
    }
    let _outer = Restore(DOING.replace(Doing::Nothing), swap_hold(Vec::new()));
    call()
}

/// True if there may be something in the hold.
#[inline]
fn holds(doing: Doing) -> bool {
    matches!(doing, Doing::Loaded(_) | Doing::Unloading)
}

/// Exchanges the contents of the hold; in a thread whose locals are gone there are none.
#[cold]
fn swap_hold(hold: Vec<Option<OwnedFd>>) -> Vec<Option<OwnedFd>> {
    HOLD.try_with(|cell| cell.replace(hold)).unwrap_or_default()
}

/// Runs `encode`, and adds the descriptors that were attached meanwhile to `descriptors`.
#[inline]
pub(crate) fn load<R>(
    numbers: LongNumbers,
    descriptors: &mut Vec<OwnedFd>,
    encode: impl FnOnce() -> R,
) -> R {
    apart(|| {
        let _end = End;
        DOING.set(Doing::Loading(numbers));
        let result = encode();
        if let Doing::Loaded(_) = DOING.get() {
            descriptors.extend(swap_hold(Vec::new()).into_iter().flatten());
        }
        result
    })
}

/// Runs `decode` with `descriptors` to take from; those left over are closed.
#[inline]
pub(crate) fn unload<R>(descriptors: Vec<OwnedFd>, decode: impl FnOnce() -> R) -> R {
    apart(|| {
        if descriptors.is_empty() {
            return decode();
        }
        let _end = End;
        swap_hold(descriptors.into_iter().map(Some).collect());
        DOING.set(Doing::Unloading);
        decode()
    })
}

/// True while a message that can carry descriptors is being encoded by this thread.
pub(crate) fn can_attach() -> bool {
    long_numbers().is_some()
}

/// Where long numbers of the message that is being encoded go; `None` if nothing can ride.
pub(crate) fn long_numbers() -> Option<LongNumbers> {
    match DOING.get() {
        Doing::Loading(numbers) | Doing::Loaded(numbers) => Some(numbers),
        Doing::Nothing | Doing::Unloading => None,
    }
}

/// Adds a descriptor to the message at hand and returns its number there.
pub(crate) fn attach(descriptor: OwnedFd) -> Option<u32> {
    let numbers = long_numbers()?;
    HOLD.try_with(|cell| {
        let mut hold = cell.borrow_mut();
        hold.push(Some(descriptor));
        DOING.set(Doing::Loaded(numbers));
        u32::try_from(hold.len() - 1).ok()
    })
    .ok()?
}

/// Takes descriptor `number` out of the message at hand; each can be taken once.
pub(crate) fn take(number: u32) -> Option<OwnedFd> {
    if DOING.get() != Doing::Unloading {
        return None;
    }
    HOLD.try_with(|cell| cell.borrow_mut().get_mut(number as usize)?.take()).ok()?
}
