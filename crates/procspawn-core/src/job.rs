//! The work of a process, before anyone knows how it will get there.

use std::any::TypeId;
use std::marker::PhantomData;

use ipc_pipe::{EncodeError, Message};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::{Entry, EntryRef, conjure};
use crate::function::Function;
use crate::outcome::Report;
use crate::run::report_of;

/// Work that can be sent to another process, done in a forked one, or both.
pub(crate) trait Job {
    /// Names the code in another process; `None` if there is no way but to fork.
    fn entry(&self) -> Option<EntryRef>;

    /// Encodes the arguments.
    fn encode(&self) -> Result<Message, EncodeError>;

    /// Does the work here.
    fn run(self: Box<Self>) -> Report;
}

/// A call of a function with arguments.
pub(crate) struct Call<F, A> {
    function: F,
    args: A,
}

impl<F: Function<A>, A> Call<F, A> {
    pub(crate) fn new(function: F, args: A) -> Self {
        let _: F = conjure();
        Call { function, args }
    }
}

impl<F, A> Job for Call<F, A>
where
    F: Function<A, Output: Serialize>,
    A: Serialize + DeserializeOwned + 'static,
{
    fn entry(&self) -> Option<EntryRef> {
        Some(EntryRef::to(Trampoline::<F, A>::ENTRY))
    }

    fn encode(&self) -> Result<Message, EncodeError> {
        Message::encode(&self.args)
    }

    fn run(self: Box<Self>) -> Report {
        report_of(|| Ok(self.function.call(self.args)))
    }
}

/// Gives each call the constant entry that decodes, calls and encodes.
struct Trampoline<F, A>(PhantomData<(F, A)>);

impl<F, A> Trampoline<F, A>
where
    F: Function<A, Output: Serialize>,
    A: DeserializeOwned + 'static,
{
    const ENTRY: &'static Entry<Message, Report> = &Entry::new(
        TypeId::of::<Trampoline<F, A>>,
        std::any::type_name::<F>,
        Self::decode_and_call,
    );

    fn decode_and_call(args: Message) -> Report {
        report_of(|| {
            let args: A = args.decode().map_err(|error| Report::Arguments(error.to_string()))?;
            Ok(conjure::<F>().call(args))
        })
    }
}

/// A closure with captures, which only a forked process has.
pub(crate) struct Closure<F>(pub(crate) F);

impl<F: FnOnce() -> R, R: Serialize> Job for Closure<F> {
    fn entry(&self) -> Option<EntryRef> {
        None
    }

    fn encode(&self) -> Result<Message, EncodeError> {
        Ok(Message::default())
    }

    fn run(self: Box<Self>) -> Report {
        report_of(|| Ok((self.0)()))
    }
}
