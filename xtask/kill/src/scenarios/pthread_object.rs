//! libc's process-shared objects as a stage: a mutex, robust with or without priority inheritance,
//! and a condition variable with its predicate.
#![allow(unsafe_code, reason = "calls pthread functions on shared memory")]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};

use crate::shared::{Shared, Zeroed};

#[derive(Debug)]
#[repr(C)]
pub(super) struct Objects {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    condition: UnsafeCell<libc::pthread_cond_t>,
    flag: AtomicU32,
}

// SAFETY: zero is libc's initial value for both objects, and they change behind `UnsafeCell`.
unsafe impl Zeroed for Objects {}

pub(super) type Stage = Shared<Objects>;

/// A robust mutex of the usual kind, and a condition.
pub(super) fn robust() -> Stage {
    made(libc::PTHREAD_PRIO_NONE)
}

/// A robust mutex with priority inheritance, which the kernel hands over itself.
pub(super) fn robust_pi() -> Stage {
    made(libc::PTHREAD_PRIO_INHERIT)
}

fn made(protocol: libc::c_int) -> Stage {
    let stage = Stage::new();
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: makes a value of the local; all calls below get that value.
    done(unsafe { libc::pthread_mutexattr_init(attributes) });
    // SAFETY: as above.
    done(unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) });
    // SAFETY: as above.
    done(unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) });
    // SAFETY: as above.
    done(unsafe { libc::pthread_mutexattr_setprotocol(attributes, protocol) });
    // SAFETY: nobody else knows the stage yet.
    done(unsafe { libc::pthread_mutex_init(stage.mutex.get(), attributes) });
    let mut attributes = MaybeUninit::<libc::pthread_condattr_t>::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: makes a value of the local; all calls below get that value.
    done(unsafe { libc::pthread_condattr_init(attributes) });
    // SAFETY: as above.
    done(unsafe { libc::pthread_condattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) });
    // SAFETY: nobody else knows the stage yet.
    done(unsafe { libc::pthread_cond_init(stage.condition.get(), attributes) });
    stage
}

fn done(result: libc::c_int) {
    assert_eq!(result, 0, "libc makes process-shared objects");
}

impl Objects {
    /// Locks, and mends what a dead owner has left.
    pub(super) fn lock(&self) {
        // SAFETY: `made` has initialised the mutex.
        self.take(unsafe { libc::pthread_mutex_lock(self.mutex.get()) });
    }

    fn take(&self, result: libc::c_int) {
        if result != libc::EOWNERDEAD {
            return assert_eq!(result, 0, "cannot lock");
        }
        // SAFETY: this thread has the mutex, and it asks to be told so.
        let mended = unsafe { libc::pthread_mutex_consistent(self.mutex.get()) };
        assert_eq!(mended, 0, "cannot mend");
    }

    pub(super) fn unlock(&self) {
        // SAFETY: `made` has initialised the mutex, which reports a thread that does not have it.
        let result = unsafe { libc::pthread_mutex_unlock(self.mutex.get()) };
        assert_eq!(result, 0, "cannot unlock");
    }

    /// Waits for the flag under the mutex.
    pub(super) fn wait_for_flag(&self) {
        self.lock();
        while self.flag.load(Acquire) == 0 {
            // SAFETY: `made` has initialised both, and this thread has the mutex.
            let result = unsafe { libc::pthread_cond_wait(self.condition.get(), self.mutex.get()) };
            self.take(result);
        }
        self.unlock();
    }

    pub(super) fn raise_flag(&self) {
        self.lock();
        self.flag.store(1, Release);
        self.unlock();
    }

    pub(super) fn signal(&self) {
        // SAFETY: `made` has initialised the condition.
        done(unsafe { libc::pthread_cond_signal(self.condition.get()) });
    }

    pub(super) fn broadcast(&self) {
        // SAFETY: `made` has initialised the condition.
        done(unsafe { libc::pthread_cond_broadcast(self.condition.get()) });
    }
}
