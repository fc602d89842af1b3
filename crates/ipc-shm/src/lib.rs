//! Regions of shared memory, and typed values and arrays in them.
#![deny(unsafe_code)]

mod atomic;
mod attach;
mod borrow;
mod bytes;
mod copy;
mod descriptions;
mod error;
mod header;
mod item;
mod layout;
mod list;
mod memory;
mod name;
mod options;
mod payload;
mod place;
mod raw_array;
mod raw_value;
mod region;
mod shareable;
mod shared;
mod slice;
mod slots;
mod sys;
#[cfg(feature = "transfer")]
mod transfer;
mod turn;
mod value;

pub use atomic::HasAtomic;
pub use borrow::{SliceMut, SliceRef};
pub use bytes::SharedBytes;
pub use error::ShmError;
pub use item::Item;
pub use layout::Layout;
pub use list::ShareableList;
pub use multiproc_macros::ShareableIpcShm as Shareable;
pub use name::sweep;
pub use options::{HugePages, RegionOptions};
pub use raw_array::RawArray;
pub use raw_value::RawValue;
pub use region::Region;
pub use shareable::Shareable;
pub use shared::Shared;
pub use slice::SharedSlice;
