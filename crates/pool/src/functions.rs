//! The functions that a pool's workers are told by number.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use ipc_pipe::{EncodeError, Message};
use procspawn_core::{Function, RemoteFn};

use crate::Data;
use crate::callee::{self, MakeCallee};
use crate::parcel::Inbound;

/// All functions that a pool has been given so far.
#[derive(Default)]
pub(crate) struct Functions(HashMap<TypeId, Arc<Definition>>);

/// What a worker must know of a function.
pub(crate) struct Definition {
    number: u32,
    name: &'static str,
    make: MakeCallee,
    encode: Box<dyn Fn() -> Result<Message, EncodeError> + Send + Sync>,
}

impl Functions {
    /// What is known of a function, which keeps its number.
    pub(crate) fn define<F, A>(&mut self, function: F) -> Arc<Definition>
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        let number = u32::try_from(self.0.len()).expect("a program has fewer functions");
        let definition = self.0.entry(TypeId::of::<(F, A)>()).or_insert_with(|| {
            let remote = RemoteFn::new(function);
            let encode = Box::new(move || Message::encode(&remote));
            let make = callee::maker::<A, F::Output>();
            Arc::new(Definition { number, name: remote.name(), make, encode })
        });
        definition.clone()
    }
}

impl Definition {
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The name of the function, for people.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// What the worker is told.
    pub(crate) fn introduction(&self) -> Result<Inbound<Message>, EncodeError> {
        let function = (self.encode)()?;
        Ok(Inbound::Function { number: self.number, make: self.make, function })
    }
}
