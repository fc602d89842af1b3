//! `pool-…`: what it costs to hand work to workers, against pools of threads, Python's pools, and the
//! least that the kernel lets one do.
//!
//! Every pool has two workers. They are wherever the kernel has them, and so is who gives the work:
//! where calls do nothing, three are busy on two processors.

pub(crate) mod blocks;
pub(crate) mod chunks;
pub(crate) mod crew;
pub(crate) mod memory;
pub(crate) mod rates;
pub(crate) mod rivals;
pub(crate) mod start;
pub(crate) mod stream;
pub(crate) mod trips;
