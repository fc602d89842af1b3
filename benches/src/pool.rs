//! `pool-…`: what it costs to hand work to workers, against pools of threads and Python's.

pub(crate) mod crew;
