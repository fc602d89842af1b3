//! How many processors this process may use.

/// The number of processors that this process may use: those it may run on (its affinity), or fewer
/// if its control group (v1 or v2) has a smaller quota of processor time. At least 1.
///
/// A container with a quota of one processor on a machine with 64 counts 1. It is what a pool
/// should be made of; read anew by every call.
///
/// # Examples
///
/// ```
/// assert!(procspawn_core::cpu_count() >= 1);
/// ```
pub fn cpu_count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
