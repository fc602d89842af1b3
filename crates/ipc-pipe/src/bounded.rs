//! Decoding that a hostile message cannot turn into a stack overflow or an endless loop.
//!
//! serde's derived code recurses once per level of nesting, and a sequence of zero-sized elements
//! costs no input at all. [`Bounded`] wraps a deserializer and keeps two accounts: levels of
//! nesting (at most [`MAX_DEPTH`]) and elements of sequences, which may exceed the bytes of the
//! input by no more than [`FREE_ELEMENTS`]. Fields of structs and tuples are not counted: the type
//! bounds them.
//!
//! It also keeps the words of user code that refuses a value. User code sees [`Explained`] errors
//! only; on its way through the inner deserializer, whose errors may have no room for text, the
//! text of one waits in the budget.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::explain::Explained;

/// How deep values may be nested in a message.
pub(crate) const MAX_DEPTH: u32 = 128;

/// Elements without any bytes of their own that one message may hold.
const FREE_ELEMENTS: usize = 1 << 16;

/// What is left to a message that is being decoded.
pub(crate) struct Budget {
    depth: Cell<u32>,
    elements: Cell<usize>,
    /// The words of an error that is on its way through the inner deserializer.
    words: Cell<Option<Box<str>>>,
}

impl Budget {
    /// The budget of a message of `len` bytes.
    pub(crate) fn for_input(len: usize) -> Budget {
        let elements = Cell::new(len.saturating_add(FREE_ELEMENTS));
        Budget { depth: Cell::new(MAX_DEPTH), elements, words: Cell::new(None) }
    }

    fn enter(&self) -> Result<Level<'_>, Explained> {
        let left = self.depth.get().checked_sub(1).ok_or_else(|| {
            Explained::new(format_args!("values are nested more than {MAX_DEPTH} deep"))
        })?;
        self.depth.set(left);
        Ok(Level(self))
    }

    fn element(&self) -> Result<(), Explained> {
        let left = self.elements.get().checked_sub(1);
        let left = left.ok_or_else(|| Explained::new("more elements than bytes to hold them"))?;
        self.elements.set(left);
        Ok(())
    }

    /// How much room a visitor may set aside, whatever length the message claims.
    fn justified(&self, hint: Option<usize>) -> Option<usize> {
        Some(hint?.min(self.elements.get().saturating_sub(FREE_ELEMENTS)))
    }

    /// An error for the inner deserializer, whose words wait here until it comes out.
    #[cold]
    fn hide<E: Error>(&self, Explained(words): Explained) -> E {
        self.words.set(Some(words));
        E::custom("")
    }

    /// An error from the inner deserializer, with the words that waited for it.
    #[cold]
    fn explain(&self, error: impl fmt::Display) -> Explained {
        self.words.take().map_or_else(|| Explained::new(error), Explained)
    }
}

/// Gives its level of nesting back when dropped.
struct Level<'a>(&'a Budget);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() + 1);
    }
}

/// A deserializer, visitor or access that draws on a [`Budget`].
pub(crate) struct Bounded<'a, T> {
    inner: T,
    budget: &'a Budget,
    /// The type fixes the number of elements, so they need no account.
    fixed: bool,
}

impl<'a, T> Bounded<'a, T> {
    pub(crate) fn new(inner: T, budget: &'a Budget) -> Self {
        Bounded { inner, budget, fixed: false }
    }

    fn fixed(inner: T, budget: &'a Budget) -> Self {
        Bounded { inner, budget, fixed: true }
    }
}

/// Calls without nesting.
macro_rules! forward {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Explained> {
            let visitor = Bounded::new(visitor, self.budget);
            self.inner.$method(visitor).map_err(|error| self.budget.explain(error))
        }
    )*};
}

/// Calls that may nest take a level.
macro_rules! nest {
    ($bound:ident: $($method:ident($($arg:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($arg: $type,)*
            visitor: V,
        ) -> Result<V::Value, Explained> {
            let _level = self.budget.enter()?;
            let visitor = Bounded::$bound(visitor, self.budget);
            self.inner.$method($($arg,)* visitor).map_err(|error| self.budget.explain(error))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = Explained;

    forward! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier
    }

    nest! { new:
        deserialize_any()
        deserialize_ignored_any()
        deserialize_option()
        deserialize_seq()
        deserialize_map()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    nest! { fixed:
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Values without parts.
macro_rules! visit {
    ($($method:ident($($value:ident: $type:ty)?))*) => {$(
        fn $method<E: Error>(self $(, $value: $type)?) -> Result<V::Value, E> {
            self.inner.$method($($value)?).map_err(|error| self.budget.hide(error))
        }
    )*};
}

/// Values whose parts are bounded in their turn.
macro_rules! visit_parts {
    ($($method:ident($Access:ident))*) => {$(
        fn $method<A: $Access<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
            let parts = Bounded { inner, budget: self.budget, fixed: self.fixed };
            self.inner.$method(parts).map_err(|error| self.budget.hide(error))
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    visit! {
        visit_bool(value: bool) visit_i8(value: i8) visit_i16(value: i16) visit_i32(value: i32)
        visit_i64(value: i64) visit_i128(value: i128) visit_u8(value: u8) visit_u16(value: u16)
        visit_u32(value: u32) visit_u64(value: u64) visit_u128(value: u128) visit_f32(value: f32)
        visit_f64(value: f64) visit_char(value: char) visit_str(value: &str)
        visit_borrowed_str(value: &'de str) visit_string(value: String) visit_bytes(value: &[u8])
        visit_borrowed_bytes(value: &'de [u8]) visit_byte_buf(value: Vec<u8>)
        visit_none() visit_unit()
    }

    visit_parts! {
        visit_some(Deserializer)
        visit_newtype_struct(Deserializer)
        visit_seq(SeqAccess)
        visit_map(MapAccess)
        visit_enum(EnumAccess)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let inner = Bounded::new(inner, self.budget);
        self.inner.deserialize(inner).map_err(|error| self.budget.hide(error))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = Explained;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Explained> {
        let element = self.inner.next_element_seed(Bounded::new(seed, self.budget));
        let element = element.map_err(|error| self.budget.explain(error))?;
        if !self.fixed {
            self.budget.element()?;
        }
        Ok(element)
    }

    fn size_hint(&self) -> Option<usize> {
        self.budget.justified(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = Explained;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Explained> {
        let key = self.inner.next_key_seed(Bounded::new(seed, self.budget));
        let key = key.map_err(|error| self.budget.explain(error))?;
        self.budget.element().map(|()| key)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Explained> {
        let value = self.inner.next_value_seed(Bounded::new(seed, self.budget));
        value.map_err(|error| self.budget.explain(error))
    }

    fn size_hint(&self) -> Option<usize> {
        self.budget.justified(self.inner.size_hint())
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'a, A> {
    type Error = Explained;
    type Variant = Bounded<'a, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), Explained> {
        let variant = self.inner.variant_seed(Bounded::new(seed, self.budget));
        let (value, variant) = variant.map_err(|error| self.budget.explain(error))?;
        Ok((value, Bounded::new(variant, self.budget)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = Explained;

    fn unit_variant(self) -> Result<(), Explained> {
        self.inner.unit_variant().map_err(|error| self.budget.explain(error))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Explained> {
        let value = self.inner.newtype_variant_seed(Bounded::new(seed, self.budget));
        value.map_err(|error| self.budget.explain(error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Explained> {
        let value = self.inner.tuple_variant(len, Bounded::fixed(visitor, self.budget));
        value.map_err(|error| self.budget.explain(error))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Explained> {
        let value = self.inner.struct_variant(fields, Bounded::fixed(visitor, self.budget));
        value.map_err(|error| self.budget.explain(error))
    }
}
