//! The C library's mutex, semaphore and barrier, shared between processes.
#![allow(unsafe_code, reason = "calls the C library")]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use multiproc::Shareable;
use multiproc::shm::Layout;

use crate::tally::OneAtATime;

/// What an object of the C library lies in: bytes until `init`, and then only the library's.
#[repr(transparent)]
struct Place<T>(UnsafeCell<MaybeUninit<T>>);

impl<T> Place<T> {
    fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::zeroed()))
    }

    fn get(&self) -> *mut T {
        self.0.get().cast()
    }
}

/// Which kind of mutex it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) robust: bool,
    pub(crate) inherits_priority: bool,
}

/// `pthread_mutex_t`.
pub(crate) struct PthreadMutex {
    place: Place<libc::pthread_mutex_t>,
    kind: Kind,
}

/// `sem_t` with a count of 1.
pub(crate) struct PosixSemaphore(Place<libc::sem_t>);

/// `pthread_barrier_t` for two.
pub(crate) struct PthreadBarrier(Place<libc::pthread_barrier_t>);

macro_rules! shareable {
    ($($type:ident)*) => {$(
        // SAFETY: the library works on the object from any thread of any process.
        unsafe impl Sync for $type {}
        // SAFETY: the library works on the object from any thread of any process.
        unsafe impl Send for $type {}
        // SAFETY: it is initialised as process-shared, and its processes are one program, which
        // trusts itself to write nothing else there.
        unsafe impl Shareable for $type {
            const LAYOUT: Layout =
                Layout::new(stringify!($type), size_of::<$type>(), align_of::<$type>());
        }
    )*};
}

shareable! { PthreadMutex PosixSemaphore PthreadBarrier }

impl PthreadMutex {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { place: Place::new(), kind }
    }
}

impl OneAtATime for PthreadMutex {
    #[inline]
    fn alone(&self, work: impl FnOnce()) {
        // SAFETY: `prepare` has been called, and the mutex lies where it did then.
        let locked = unsafe { libc::pthread_mutex_lock(self.place.get()) };
        assert_eq!(locked, 0, "nobody has died with the lock");
        work();
        // SAFETY: as above, and this thread has the lock.
        unsafe { libc::pthread_mutex_unlock(self.place.get()) };
    }

    fn prepare(&self) {
        let mut attributes = MaybeUninit::uninit();
        let with = attributes.as_mut_ptr();
        // SAFETY: it is ours, and made valid by this call.
        let mut bad = unsafe { libc::pthread_mutexattr_init(with) };
        // SAFETY: the attributes are valid now.
        bad |= unsafe { libc::pthread_mutexattr_setpshared(with, libc::PTHREAD_PROCESS_SHARED) };
        if self.kind.robust {
            // SAFETY: the attributes are valid.
            bad |= unsafe { libc::pthread_mutexattr_setrobust(with, libc::PTHREAD_MUTEX_ROBUST) };
        }
        if self.kind.inherits_priority {
            // SAFETY: the attributes are valid.
            bad |= unsafe { libc::pthread_mutexattr_setprotocol(with, libc::PTHREAD_PRIO_INHERIT) };
        }
        // SAFETY: the attributes are valid, and nobody uses the mutex yet.
        bad |= unsafe { libc::pthread_mutex_init(self.place.get(), with) };
        assert_eq!(bad, 0, "the C library has such a mutex");
    }
}

impl PosixSemaphore {
    pub(crate) fn new() -> Self {
        Self(Place::new())
    }
}

impl OneAtATime for PosixSemaphore {
    #[inline]
    fn alone(&self, work: impl FnOnce()) {
        // SAFETY: `prepare` has been called, and the semaphore lies where it did then.
        while unsafe { libc::sem_wait(self.0.get()) } != 0 {}
        work();
        // SAFETY: as above.
        unsafe { libc::sem_post(self.0.get()) };
    }

    fn prepare(&self) {
        // SAFETY: nobody uses the semaphore yet.
        let made = unsafe { libc::sem_init(self.0.get(), 1, 1) };
        assert_eq!(made, 0, "the C library has such a semaphore");
    }
}

impl PthreadBarrier {
    pub(crate) fn new() -> Self {
        Self(Place::new())
    }

    /// Makes it ready for two, where it lies.
    pub(crate) fn prepare(&self) {
        let mut attributes = MaybeUninit::uninit();
        let with = attributes.as_mut_ptr();
        // SAFETY: it is ours, and made valid by this call.
        let mut bad = unsafe { libc::pthread_barrierattr_init(with) };
        // SAFETY: the attributes are valid now.
        bad |= unsafe { libc::pthread_barrierattr_setpshared(with, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: the attributes are valid, and nobody uses the barrier yet.
        bad |= unsafe { libc::pthread_barrier_init(self.0.get(), with, 2) };
        assert_eq!(bad, 0, "the C library has such a barrier");
    }

    pub(crate) fn wait(&self) {
        // SAFETY: `prepare` has been called, and the barrier lies where it did then.
        unsafe { libc::pthread_barrier_wait(self.0.get()) };
    }
}
