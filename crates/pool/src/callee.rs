//! A function as a worker knows it: by what it does with bytes.

use std::os::fd::OwnedFd;

use ipc_pipe::{Message, carry};
use procspawn_core::RemoteFn;

use crate::Data;
use crate::record::Failure;

/// Makes a callee of the message that has its function.
pub(crate) type MakeCallee = RemoteFn<(Message,), Result<Box<dyn Callee>, String>>;

/// Decodes arguments, calls, and encodes the value.
pub(crate) trait Callee {
    /// Calls with arguments that lie in `bytes`, and appends the encoded value to `value`.
    fn call(
        &self,
        bytes: &[u8],
        value: &mut Vec<u8>,
        descriptors: &mut Vec<OwnedFd>,
    ) -> Result<(), Failure>;

    /// The same with arguments that came by the socket.
    fn call_with(
        &self,
        arguments: Message,
        value: &mut Vec<u8>,
        descriptors: &mut Vec<OwnedFd>,
    ) -> Result<(), Failure>;
}

/// A function whose types are known.
struct Typed<A: 'static, R: 'static>(RemoteFn<A, R>);

impl<A: Data, R: Data> Callee for Typed<A, R> {
    fn call(
        &self,
        bytes: &[u8],
        value: &mut Vec<u8>,
        descriptors: &mut Vec<OwnedFd>,
    ) -> Result<(), Failure> {
        let arguments = carry::decode(bytes, Vec::new());
        let arguments = arguments.map_err(|error| Failure::Arguments(error.to_string()))?;
        encode(&self.0.call(arguments), value, descriptors)
    }

    fn call_with(
        &self,
        arguments: Message,
        value: &mut Vec<u8>,
        descriptors: &mut Vec<OwnedFd>,
    ) -> Result<(), Failure> {
        let arguments = arguments.decode();
        let arguments = arguments.map_err(|error| Failure::Arguments(error.to_string()))?;
        encode(&self.0.call(arguments), value, descriptors)
    }
}

fn encode<R: Data>(
    result: &R,
    value: &mut Vec<u8>,
    descriptors: &mut Vec<OwnedFd>,
) -> Result<(), Failure> {
    carry::encode_with_files(result, value, descriptors)
        .map_err(|error| Failure::Value(error.to_string()))
}

/// What makes the callees of all functions with these types.
pub(crate) fn maker<A: Data, R: Data>() -> MakeCallee {
    RemoteFn::new(|function: Message| {
        let function = function.decode().map_err(|error| error.to_string())?;
        Ok(Box::new(Typed::<A, R>(function)) as Box<dyn Callee>)
    })
}

/// Stands for a function that this process does not have.
struct Missing(String);

impl Callee for Missing {
    fn call(
        &self,
        _bytes: &[u8],
        _value: &mut Vec<u8>,
        _descriptors: &mut Vec<OwnedFd>,
    ) -> Result<(), Failure> {
        Err(Failure::Arguments(self.0.clone()))
    }

    fn call_with(
        &self,
        _arguments: Message,
        value: &mut Vec<u8>,
        descriptors: &mut Vec<OwnedFd>,
    ) -> Result<(), Failure> {
        self.call(&[], value, descriptors)
    }
}

/// What fails every call for this reason.
pub(crate) fn missing(why: String) -> Box<dyn Callee> {
    Box::new(Missing(why))
}
