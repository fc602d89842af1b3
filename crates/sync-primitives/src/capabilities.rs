//! What this system does for those who wait when a thread dies, found out by letting some die.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::deadline::Deadline;
use crate::error::Unsupported;
use crate::mutex::Mutex;
use crate::robust::OWNER_DIED;
use crate::sys::{self, Woken};
use crate::thread::Thread;
use crate::vigil::{Bell, Vigil};

/// How often the test of the bell listens before it gives up.
const LISTENS: u32 = 200;

/// How long it listens each time.
const LISTEN: Duration = Duration::from_millis(5);

/// What [`capabilities`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Locks and permits of the dead come back. Without it, locking is an error that says why.
    pub robust: Result<(), Unsupported>,
    /// A wake-up that a dead thread owed is made up for by the kernel. Without it, waiters look
    /// again every 50 ms (for an event and the like) or every second (for a lock).
    pub rings_for_the_dead: bool,
    /// One wait can name several words (`futex_waitv`, Linux 5.16). Without it, those who wait for
    /// more than one look again every 50 ms.
    pub waits_for_several: bool,
}

/// What this system does for those who wait when a thread dies.
///
/// The first call tries it out, which takes less than a millisecond where all is well: it starts
/// threads that end while they hold a lock. Later calls, and those in forked children, give the
/// same answer.
///
/// # Examples
///
/// ```
/// let found = sync_primitives::capabilities();
/// if let Err(why) = found.robust {
///     eprintln!("{why}");
/// }
/// ```
pub fn capabilities() -> Capabilities {
    static FOUND: OnceLock<Capabilities> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let waits_for_several = waits_for_several();
        Capabilities {
            robust: robust(),
            rings_for_the_dead: waits_for_several && rings_for_the_dead(),
            waits_for_several,
        }
    })
}

/// Has a thread end while it holds a lock, and looks for the kernel's mark.
fn robust() -> Result<(), Unsupported> {
    let lock = Arc::new(Mutex::new(()));
    let holder = lock.clone();
    let ended = std::thread::spawn(move || {
        Thread::with(|_| ())?;
        if let Ok(guard) = holder.lock() {
            std::mem::forget(guard);
        }
        Ok(())
    });
    ended.join().unwrap_or(Err(Unsupported::NO_LIST))?;
    let word = lock.raw().word().load(Ordering::Acquire);
    if word & OWNER_DIED != 0 { Ok(()) } else { Err(Unsupported::NO_MARK) }
}

fn waits_for_several() -> bool {
    let words = [AtomicU32::new(0), AtomicU32::new(1)];
    let wrong = [(&words[0], 0), (&words[1], 0)];
    // The second word is not as expected, so a kernel that compares both returns at once.
    sys::wait_any(&wrong, Deadline::after(LISTEN)) == Woken::LookAgain && sys::knows_waitv()
}

/// Lets threads die on a vigil until one that sleeps hears the bell.
fn rings_for_the_dead() -> bool {
    let (bell, heard) = (Arc::new(Bell::new()), Arc::new(AtomicBool::new(false)));
    let (listened, answer) = (bell.clone(), heard.clone());
    let sleeper = std::thread::spawn(move || {
        let hears = |_| {
            let words = [listened.silent(), listened.silent()];
            matches!(sys::wait_any(&words, Deadline::after(LISTEN)), Woken::At(_))
        };
        answer.store((0..LISTENS).any(hears), Ordering::Release);
    });
    // Not a number of times: on a busy machine many may die before the sleeper sleeps.
    while !sleeper.is_finished() {
        let bell = bell.clone();
        // `join` waits until the kernel has looked at what the thread had named.
        let _ = std::thread::spawn(move || std::mem::forget(Vigil::begin(&bell))).join();
    }
    let _ = sleeper.join();
    heard.load(Ordering::Acquire)
}
