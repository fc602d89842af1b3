//! A stage with some roles, the first of which dies.

use loom::sync::Arc;
use loom::thread;

use super::{explore, mortal};

/// How often loom may take a thread off the processor where it did not offer to leave: what keeps
/// the time to some minutes. `LOOM_MAX_PREEMPTIONS` sets another.
fn preemptions(threads: usize) -> Option<usize> {
    let given = std::env::var("LOOM_MAX_PREEMPTIONS").ok().and_then(|text| text.parse().ok());
    given.or(Some(if threads > 2 { 1 } else { 2 }))
}

/// As [`kill_first`], for what takes minutes: left out if `LOOM_QUICK` is set.
pub fn kill_first_at_length<S: Send + Sync + 'static>(
    stage: impl Fn() -> S + Clone + Send + Sync + 'static,
    roles: &'static [fn(&S)],
    check: fn(&S),
) {
    if std::env::var_os("LOOM_QUICK").is_none() {
        kill_first(stage, roles, check);
    }
}

/// Explores a stage on which the first role is killed at each of its steps while the others act, each
/// in a thread of its own; `check` comes last.
///
/// # Panics
///
/// When a role or the check panics, or somebody sleeps for ever, in any interleaving.
pub fn kill_first<S: Send + Sync + 'static>(
    stage: impl Fn() -> S + Clone + Send + Sync + 'static,
    roles: &'static [fn(&S)],
    check: fn(&S),
) {
    let steps = explore(preemptions(roles.len()), move |lifetime| {
        let stage = Arc::new(stage());
        let threads: Vec<_> = roles
            .iter()
            .enumerate()
            .map(|(index, role)| {
                let (stage, lifetime) = (stage.clone(), lifetime.clone());
                thread::spawn(move || match index {
                    0 => mortal(&lifetime, || role(&stage)),
                    _ => role(&stage),
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("only the mortal dies, and quietly");
        }
        check(&stage);
    });
    assert!(steps > 2, "an operation has more than {steps} steps");
}
