//! The words with which user code refuses a value.
//!
//! postcard's errors have no room for the text of a `custom` error. [`Explained`] keeps it: while
//! decoding in [`Bounded`](crate::bounded::Bounded), and after a failed encoding by a second pass
//! of a serializer that writes nothing.

use std::fmt::{self, Display};

use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer, de, ser};

/// An error in words.
#[derive(Debug)]
pub(crate) struct Explained(pub(crate) Box<str>);

impl Explained {
    pub(crate) fn new(text: impl Display) -> Explained {
        Explained(text.to_string().into())
    }
}

impl Display for Explained {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Explained {}

impl de::Error for Explained {
    fn custom<T: Display>(text: T) -> Self {
        Explained::new(text)
    }
}

impl ser::Error for Explained {
    fn custom<T: Display>(text: T) -> Self {
        Explained::new(text)
    }
}

/// Why `value` refuses to be serialized, if it does.
pub(crate) fn refusal_of<T: Serialize + ?Sized>(value: &T) -> Option<String> {
    value.serialize(Explainer).err().map(|error| error.0.into())
}

/// Serializes into nothing.
#[derive(Clone, Copy)]
struct Explainer;

type Outcome = Result<(), Explained>;

/// Values without parts.
macro_rules! ignore {
    ($($method:ident($type:ty))*) => {$(
        fn $method(self, _: $type) -> Outcome {
            Ok(())
        }
    )*};
}

/// Values whose parts come one by one.
macro_rules! open {
    ($($method:ident($($type:ty),*);)*) => {$(
        fn $method(self, $(_: $type),*) -> Result<Self, Explained> {
            Ok(self)
        }
    )*};
}

impl Serializer for Explainer {
    type Ok = ();
    type Error = Explained;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    ignore! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32)
        serialize_i64(i64) serialize_i128(i128) serialize_u8(u8) serialize_u16(u16)
        serialize_u32(u32) serialize_u64(u64) serialize_u128(u128) serialize_f32(f32)
        serialize_f64(f64) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }

    open! {
        serialize_seq(Option<usize>);
        serialize_tuple(usize);
        serialize_tuple_struct(&'static str, usize);
        serialize_tuple_variant(&'static str, u32, &'static str, usize);
        serialize_map(Option<usize>);
        serialize_struct(&'static str, usize);
        serialize_struct_variant(&'static str, u32, &'static str, usize);
    }

    fn serialize_none(self) -> Outcome {
        Ok(())
    }

    fn serialize_unit(self) -> Outcome {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Outcome {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Outcome {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Outcome {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Outcome {
        value.serialize(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Parts with or without a name.
macro_rules! parts {
    ($($Compound:ident::$method:ident($($name:ty)?);)*) => {$(
        impl $Compound for Explainer {
            type Ok = ();
            type Error = Explained;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $name,)? part: &T) -> Outcome {
                part.serialize(*self)
            }

            fn end(self) -> Outcome {
                Ok(())
            }
        }
    )*};
}

parts! {
    SerializeSeq::serialize_element();
    SerializeTuple::serialize_element();
    SerializeTupleStruct::serialize_field();
    SerializeTupleVariant::serialize_field();
    SerializeStruct::serialize_field(&'static str);
    SerializeStructVariant::serialize_field(&'static str);
}

impl SerializeMap for Explainer {
    type Ok = ();
    type Error = Explained;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Outcome {
        key.serialize(*self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        value.serialize(*self)
    }

    fn end(self) -> Outcome {
        Ok(())
    }
}
