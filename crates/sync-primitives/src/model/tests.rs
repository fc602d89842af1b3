//! Each state machine under loom, with a thread that is killed at each of its steps.

mod controls;
mod locks;
mod waits;
mod watches;

use super::{kill_first, kill_first_at_length};
