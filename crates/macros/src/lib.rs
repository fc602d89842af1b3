//! The attribute macros of `multiproc`. Use them through that crate.
//!
//! They work on tokens and depend on nothing, so that they cost a build next to no time.
#![forbid(unsafe_code)]

mod expand;
mod signature;

use proc_macro::TokenStream;

/// Makes a program able to start processes: calls `multiproc::init()` first thing in `main`.
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
