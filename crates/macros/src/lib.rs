//! The attribute and derive macros of `multiproc`. Use them through that crate.
//!
//! They work on tokens and depend on nothing, so that they cost a build next to no time.
#![forbid(unsafe_code)]

mod expand;
mod fields;
mod remote;
mod shareable;
mod signature;

use proc_macro::TokenStream;

/// Makes a program able to start processes: calls `multiproc::init()` first thing in `main`.
///
/// With glibc it has that called even before `main`, by the loader. A child then goes through
/// neither `main` nor the start-up of std, which takes a tenth off the time to start one. What it
/// misses is the name of the main thread and the message of std about a stack that overflows (the
/// signal is told all the same). A plain call of `multiproc::init()` does without this.
///
/// `main` may return what any `main` may. It must not be `async`: an attribute that makes `main`
/// synchronous goes *above* this one, so that `init` runs before the runtime starts its threads.
///
/// Attributes of `main` stay, and so do attributes inside its body. Statics with constructors run
/// before `main`, and so before `init`, in every child too.
///
/// # Examples
///
/// ```
/// use multiproc::Process;
///
/// fn area(width: f64, height: f64) -> f64 {
///     width * height
/// }
///
/// #[multiproc::main]
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let process = Process::new(area, (2.0, 3.0)).start()?;
///     assert_eq!(process.join()?, 6.0);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::main(arguments, item)
}

/// Registers a function under its path, so that other builds that have it know it too.
///
/// A [`RemoteFn`](../procspawn_core/struct.RemoteFn.html) of a marked function travels as the path
/// (`program::module::function`) instead of as a place in this build. A program without a function
/// under that path, or with one of another type there, refuses it when it decodes the message. Two
/// functions under one path do not compile.
///
/// The function takes at most eight arguments and is neither generic nor async.
///
/// # Examples
///
/// ```
/// use multiproc::{Message, RemoteFn};
///
/// #[multiproc::remote]
/// fn scale(x: f64, factor: f64) -> f64 {
///     x * factor
/// }
///
/// let message = Message::encode(&RemoteFn::new(scale))?;
/// let path = concat!(module_path!(), "::scale").as_bytes();
/// assert!(message.bytes().ends_with(path));
/// let function = message.decode::<RemoteFn<(f64, f64), f64>>()?;
/// assert_eq!(function.call((2.0, 1.5)), 3.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[proc_macro_attribute]
pub fn remote(arguments: TokenStream, item: TokenStream) -> TokenStream {
    remote::remote(arguments, item)
}

/// Lets the values of a struct lie in memory shared between processes.
///
/// The struct has `#[repr(C)]` or `#[repr(transparent)]`, and every field is shareable: a number,
/// an atomic number, an array of those, or another such struct. Generic parameters must be
/// shareable, too. The trait's documentation has the rules and examples.
///
/// The expansion vouches for the struct with an `unsafe impl`. A crate that denies unsafe code can
/// use it; one that forbids it cannot.
#[proc_macro_derive(Shareable)]
pub fn shareable(item: TokenStream) -> TokenStream {
    shareable::derive(item, "::multiproc::__private")
}

/// The same for who uses `ipc-shm` without the facade, which exports it as `Shareable`.
#[proc_macro_derive(ShareableIpcShm)]
pub fn shareable_ipc_shm(item: TokenStream) -> TokenStream {
    shareable::derive(item, "::ipc_shm")
}
