//! What a process does about signals that people send.

use crate::sys;

/// Has this process ignore Ctrl-C (SIGINT), for workers whose parent decides what becomes of them.
///
/// What this process starts from then on ignores it too, unless it asks for it again.
pub fn ignore_interrupts() {
    sys::ignore_interrupts();
}
