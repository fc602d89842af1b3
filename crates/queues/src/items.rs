//! Iterating over what comes.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::end::End;
use crate::error::GetError;
use crate::patience::Patience;

/// The items of a queue, as they come; see [`Receiver::iter`](crate::Receiver::iter).
pub struct Items<'a, T> {
    end: &'a End,
    has_ended: bool,
    item: PhantomData<fn() -> T>,
}

impl<'a, T> Items<'a, T> {
    pub(crate) fn new(end: &'a End) -> Items<'a, T> {
        Items { end, has_ended: false, item: PhantomData }
    }
}

impl<T: DeserializeOwned> Iterator for Items<'_, T> {
    type Item = Result<T, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let item = self.end.get_value(Patience::Endless);
        self.has_ended = item.as_ref().is_err_and(|error| !error.is_about_item());
        if matches!(item, Err(GetError::Disconnected)) { None } else { Some(item) }
    }
}

impl<T> fmt::Debug for Items<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Items").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}
