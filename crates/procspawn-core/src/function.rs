//! Functions that can be called in another process.

/// A function item, or a closure that captures nothing, that takes the tuple `A` as its arguments.
///
/// Implemented for all such functions of up to eight arguments; it cannot be implemented otherwise.
/// A closure that does capture is an error when the program is compiled, which says to pass the
/// captured values as arguments.
///
/// What a process is given and what it gives back crosses as a copy, so both are owned: `String`
/// rather than `&str`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a function of the arguments `{A}` that can run in another process",
    note = "the arguments are a tuple, `(x,)` for a single one, and the function must not capture"
)]
pub trait Function<A>: Copy + Send + Sync + 'static + sealed::Sealed<A> {
    /// What the function returns.
    type Output;

    /// Calls the function with the elements of `args`.
    fn call(self, args: A) -> Self::Output;
}

mod sealed {
    /// Keeps [`Function`](super::Function) to functions.
    pub trait Sealed<A> {}
}

macro_rules! function {
    ($($arg:ident)*) => {
        impl<F, R, $($arg,)*> sealed::Sealed<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> R + Copy + Send + Sync + 'static {}

        impl<F, R, $($arg,)*> Function<($($arg,)*)> for F
        where
            F: Fn($($arg),*) -> R + Copy + Send + Sync + 'static,
        {
            type Output = R;

            #[allow(non_snake_case, reason = "the names of the types serve for the values")]
            fn call(self, ($($arg,)*): ($($arg,)*)) -> R {
                self($($arg),*)
            }
        }
    };
}

function! {}
function! { A }
function! { A B }
function! { A B C }
function! { A B C D }
function! { A B C D E }
function! { A B C D E G }
function! { A B C D E G H }
function! { A B C D E G H I }
