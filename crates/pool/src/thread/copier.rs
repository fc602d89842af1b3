//! Copies of arguments, for calls that may be made again.

use ipc_pipe::Message;
use procspawn_core::catch_panic;

use crate::{Data, Options, TaskError, record};

/// How arguments are copied: by being encoded and decoded, since all that is known of them is that
/// they can be.
pub(super) struct Copier<A> {
    encode: fn(&A) -> Result<Message, TaskError>,
    decode: fn(Message) -> Result<A, TaskError>,
}

impl<A> Clone for Copier<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A> Copy for Copier<A> {}

impl<A: Data> Copier<A> {
    /// `None` if there will be no other attempt, and so no copy is needed.
    pub(super) fn for_retry(options: &Options) -> Option<Copier<A>> {
        let times_out = options.timeout.is_some() && options.retry.minds_timeouts();
        let needed = times_out || options.retry.minds_panics();
        needed.then_some(Copier { encode, decode })
    }
}

impl<A> Copier<A> {
    pub(super) fn encode(self, args: &A) -> Result<Message, TaskError> {
        (self.encode)(args)
    }

    pub(super) fn decode(self, copy: Message) -> Result<A, TaskError> {
        (self.decode)(copy)
    }
}

fn encode<A: Data>(args: &A) -> Result<Message, TaskError> {
    catch_panic(|| Message::encode(args))
        .map_err(record::panicked)?
        .map_err(|error| TaskError::EncodeArguments(error.to_string()))
}

fn decode<A: Data>(copy: Message) -> Result<A, TaskError> {
    catch_panic(|| copy.decode())
        .map_err(record::panicked)?
        .map_err(|error| TaskError::Arguments(error.to_string()))
}
