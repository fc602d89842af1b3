//! Regions of shared memory, and typed values and arrays in them.
#![deny(unsafe_code)]

mod attach;
mod copy;
mod error;
mod header;
mod layout;
mod memory;
mod name;
mod options;
mod place;
mod region;
mod shareable;
mod shared;
mod sys;
#[cfg(feature = "transfer")]
mod transfer;

pub use error::ShmError;
pub use layout::Layout;
pub use multiproc_macros::ShareableIpcShm as Shareable;
pub use name::sweep;
pub use options::{HugePages, RegionOptions};
pub use region::Region;
pub use shareable::Shareable;
pub use shared::Shared;
