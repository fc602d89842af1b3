//! Who is told when a job has ended, besides those who wait for it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

/// What is done at the end of a job, by whoever ends it: it must not take long.
#[derive(Default)]
pub(crate) struct Hooks(Vec<Hook>);

enum Hook {
    Call(Box<dyn FnOnce() + Send>),
    Ring(Weak<Bell>, usize),
}

/// Tells one who waits for many jobs which of them have ended.
#[derive(Default)]
pub(crate) struct Bell {
    /// Jobs that have ended, by the number that each was given.
    ended: Mutex<Vec<usize>>,
    changed: Condvar,
}

impl Hooks {
    pub(crate) fn call(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.0.push(Hook::Call(Box::new(hook)));
    }

    /// Has a bell rung, unless nobody listens to it any more by then.
    pub(crate) fn ring(&mut self, bell: &Arc<Bell>, number: usize) {
        // Somebody may wait again and again for a short time.
        if self.0.len().is_power_of_two() {
            self.0.retain(Hook::is_wanted);
        }
        self.0.push(Hook::Ring(Arc::downgrade(bell), number));
    }

    pub(crate) fn run(self) {
        for hook in self.0 {
            match hook {
                Hook::Call(hook) => hook(),
                Hook::Ring(bell, number) => {
                    bell.upgrade().into_iter().for_each(|bell| bell.ring(number))
                }
            }
        }
    }
}

impl Hook {
    fn is_wanted(&self) -> bool {
        match self {
            Hook::Call(_) => true,
            Hook::Ring(bell, _) => bell.strong_count() > 0,
        }
    }
}

impl Bell {
    pub(crate) fn ring(&self, number: usize) {
        self.ended().push(number);
        self.changed.notify_all();
    }

    /// Waits for jobs that have ended, but not beyond `deadline`: none if there are none by then.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Vec<usize> {
        let mut ended = self.ended();
        while ended.is_empty() {
            ended = match deadline {
                None => self.changed.wait(ended).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
                    let waited = self.changed.wait_timeout(ended, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        std::mem::take(&mut *ended)
    }

    fn ended(&self) -> MutexGuard<'_, Vec<usize>> {
        // No code that can panic runs while it is locked.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
