//! A fixed number of permits, each of which comes back when its holder dies.

use std::array;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::{AcquireError, InvalidCount, NotHeld};
use crate::platform::{self, AtomicU32, Ordering, Spin, Thread};
use crate::robust::{OWNER, Patience, Refused, RobustWord, WAITERS};
use crate::sys::{WORDS_PER_WAIT, Woken};
use crate::vigil::Bell;

use Ordering::Relaxed;

/// A semaphore with a fixed number of permits, at most `MOST` (64 if not said, 127 at most).
///
/// [`acquire`](BoundedSemaphore::acquire) gives a [`Permit`] that returns when it is dropped, and
/// when the thread that holds it dies. A permit that this thread does not hold cannot be released.
///
/// Each permit is a lock of its own, of the kind that the kernel gives back, and a semaphore is a
/// row of them of which one gets any that is free. So the number of free permits is not a count
/// that could drift: it is how many locks are free. Waiters sleep at all of them at once.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | a holder | its permits are free again, and the kernel wakes a waiter for each |
/// | in `acquire`, before it has a permit | nothing has happened |
/// | in `acquire`, with a permit, or in `release` | the permit is free |
/// | a waiter, asleep | nobody notices |
/// | a waiter that was woken | the kernel wakes another in its place |
///
/// A waiter that was woken for several permits at once takes one and passes the other wake-ups on.
/// If it is killed just as a third thread takes the permit that it was about to take, another
/// waiter finds the remaining ones when that thread lets go, or after a second.
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
/// use sync_primitives::BoundedSemaphore;
///
/// let seats = Shared::new(BoundedSemaphore::<64>::new(2)?)?;
/// let (one, two) = (seats.acquire()?, seats.acquire()?);
/// assert!(seats.try_acquire().is_err());
/// drop(one);
/// assert_eq!(seats.value(), 1);
/// # drop(two);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct BoundedSemaphore<const MOST: usize = 64> {
    bell: Bell,
    permits: AtomicU32,
    places: [RobustWord; MOST],
}

// SAFETY: atomic words and lock words, of which every value is valid.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl<const MOST: usize> Shareable for BoundedSemaphore<MOST> {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::BoundedSemaphore", size_of::<Self>(), align_of::<Self>());
}

impl<const MOST: usize> BoundedSemaphore<MOST> {
    /// One wait names every place and the bell.
    const FITS: () = assert!(MOST < WORDS_PER_WAIT, "a bounded semaphore has 127 permits at most");

    /// A semaphore with so many permits, all free.
    ///
    /// # Errors
    ///
    /// When `permits` is 0 or above `MOST`.
    pub fn new(permits: u32) -> Result<BoundedSemaphore<MOST>, InvalidCount> {
        let () = Self::FITS;
        if permits == 0 || permits as usize > MOST {
            return Err(InvalidCount { count: permits.into(), least: 1, most: MOST as u64 });
        }
        let permits = AtomicU32::new(permits);
        Ok(BoundedSemaphore {
            bell: Bell::new(),
            permits,
            places: array::from_fn(|_| RobustWord::new()),
        })
    }

    /// Takes a permit, waiting until one is free.
    ///
    /// # Errors
    ///
    /// `TooManyHeld`, `Corrupt` or `Unsupported`. Waiting for a permit that this very thread holds
    /// does not end.
    #[inline]
    pub fn acquire(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_patiently(Patience::ENDLESS)
    }

    /// Takes a permit if one is free at this instant.
    ///
    /// # Errors
    ///
    /// [`AcquireError::WouldBlock`] if none is free; else as [`acquire`](Self::acquire).
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit<'_>, AcquireError> {
        self.acquire_patiently(Patience::None)
    }

    /// Takes a permit, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`]; else as [`acquire`](Self::acquire).
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, AcquireError> {
        self.acquire_patiently(Patience::Until(Deadline::after(timeout)))
    }

    /// Takes a permit, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`]; else as [`acquire`](Self::acquire).
    pub fn acquire_deadline(&self, deadline: Instant) -> Result<Permit<'_>, AcquireError> {
        self.acquire_patiently(Patience::Until(Deadline::at(deadline)))
    }

    /// Gives back a permit that this thread has [kept](Permit::keep).
    ///
    /// # Errors
    ///
    /// When this thread holds none: that would be one release too many.
    pub fn release(&self) -> Result<(), NotHeld> {
        let released = self.places().iter().any(RobustWord::unlock);
        if released { Ok(()) } else { Err(NotHeld) }
    }

    /// How many permits are free at this instant.
    pub fn value(&self) -> u32 {
        let free = self.places().iter().filter(|place| !place.is_locked()).count();
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// How many permits there are.
    pub fn permits(&self) -> u32 {
        self.places().len() as u32
    }

    /// The places in use. The number is read from memory that others can write, so it is bounded.
    #[inline]
    fn places(&self) -> &[RobustWord] {
        &self.places[..(self.permits.load(Relaxed) as usize).min(MOST)]
    }

    #[inline]
    fn acquire_patiently(&self, patience: Patience) -> Result<Permit<'_>, AcquireError> {
        let places = self.places();
        let first = Thread::with_known(|thread| Some(thread.spread_over(places.len())));
        let place = match first.and_then(|at| places.get(at)) {
            Some(place) if place.lock_at_once() => place,
            _ => self.acquire_in_full(patience)?,
        };
        Ok(Permit { place, not_send: PhantomData })
    }

    #[cold]
    fn acquire_in_full(&self, patience: Patience) -> Result<&RobustWord, AcquireError> {
        let place = Thread::with(|thread| match self.take_any(thread, 0) {
            Err(Refused::WouldBlock) => self.acquire_slow(thread, patience),
            result => result,
        });
        Ok(place.map_err(AcquireError::Unsupported)??)
    }

    /// Takes the first place that is free, beginning where this thread has begun before; with the
    /// mark `waiters` if it has slept, as it may not be the only one who wants a permit.
    fn take_any(&self, thread: &Thread, waiters: u32) -> Result<&RobustWord, Refused> {
        if thread.is_full() {
            return Err(Refused::TooManyHeld);
        }
        let places = self.places();
        let first = thread.spread_over(places.len());
        for place in places[first..].iter().chain(&places[..first]) {
            if place.word().load(Relaxed) & OWNER != 0 {
                continue;
            }
            place.note_namespace(thread);
            thread.begin(place.word());
            let taken = place.take(thread, waiters);
            // While we have slept we owe others the wake-ups that we have been given.
            if waiters != 0 && taken.is_none() {
                thread.begin(self.bell.silent().0);
            } else {
                thread.end();
            }
            if taken.is_some() {
                return Ok(place);
            }
        }
        Err(Refused::WouldBlock)
    }

    fn acquire_slow(&self, thread: &Thread, patience: Patience) -> Result<&RobustWord, Refused> {
        let Patience::Until(deadline) = patience else { return Err(Refused::WouldBlock) };
        let (mut spin, mut waiters) = (Spin::default(), 0);
        loop {
            match self.take_any(thread, waiters) {
                Ok(place) => {
                    if waiters != 0 {
                        self.pass_on();
                    }
                    return Ok(place);
                }
                Err(Refused::WouldBlock) if spin.once() => {}
                Err(Refused::WouldBlock) if deadline.is_past() => {
                    thread.end();
                    return Err(Refused::TimedOut);
                }
                Err(Refused::WouldBlock) => {
                    thread.begin(self.bell.silent().0);
                    waiters = WAITERS;
                    self.sleep(thread, deadline);
                }
                Err(refused) => {
                    thread.end();
                    return Err(refused);
                }
            }
        }
    }

    /// Sleeps until a permit is free, its holder is dead, or the deadline has passed.
    fn sleep(&self, thread: &Thread, deadline: Deadline) {
        let mut words = [self.bell.silent(); WORDS_PER_WAIT];
        let mut count = 1;
        for place in self.places() {
            let word = place.word().load(Relaxed);
            if word & OWNER == 0 || !place.announce_waiter(word) {
                return;
            }
            words[count] = (place.word(), word | WAITERS);
            count += 1;
        }
        if platform::wait_any(&words[..count], deadline.within(platform::SLICE)) == Woken::TimedOut
        {
            for (place, (_, word)) in self.places().iter().zip(&words[1..count]) {
                place.bury(thread, *word);
            }
        }
    }

    /// Wakes others for the permits that are free besides the one that we have taken: if several
    /// were given back while we woke up, all the wake-ups may have come to us.
    fn pass_on(&self) {
        for place in self.places() {
            let word = place.word().load(Relaxed);
            if word & OWNER == 0 && word & WAITERS != 0 {
                platform::wake(place.word(), 1);
            }
        }
    }
}

impl<const MOST: usize> fmt::Debug for BoundedSemaphore<MOST> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BoundedSemaphore")
            .field("value", &self.value())
            .field("permits", &self.permits())
            .finish_non_exhaustive()
    }
}

/// A permit, held; dropping it gives it back.
///
/// It stays with the thread that acquired it. In a forked child it does nothing.
#[must_use = "the permit is given back at once if it is dropped"]
pub struct Permit<'a> {
    place: &'a RobustWord,
    not_send: PhantomData<*const ()>,
}

impl Permit<'_> {
    /// Keeps the permit until [`BoundedSemaphore::release`], or the end of this thread.
    ///
    /// The memory of the semaphore must stay mapped until then, or the kernel loses sight of the
    /// permit; waiters notice after a second.
    pub fn keep(self) {
        mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.place.unlock();
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Permit")
    }
}
