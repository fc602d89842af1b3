//! Iterating over what comes.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::end::End;
use crate::error::GetError;
use crate::patience::Patience;
use crate::priority::store::Store;

/// The items of a queue, as they come; see [`Receiver::iter`](crate::Receiver::iter).
pub struct Items<'a, T> {
    source: Source<'a>,
    has_ended: bool,
    item: PhantomData<fn() -> T>,
}

enum Source<'a> {
    End(&'a End),
    Priority(&'a Store),
}

impl<'a, T> Items<'a, T> {
    pub(crate) fn new(end: &'a End) -> Items<'a, T> {
        Items { source: Source::End(end), has_ended: false, item: PhantomData }
    }

    pub(crate) fn of_priority(store: &'a Store) -> Items<'a, T> {
        Items { source: Source::Priority(store), has_ended: false, item: PhantomData }
    }
}

impl<T: DeserializeOwned> Iterator for Items<'_, T> {
    type Item = Result<T, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let item = match self.source {
            Source::End(end) => end.get_value(Patience::Endless),
            Source::Priority(store) => store.get_value(Patience::Endless).map(|(_, item)| item),
        };
        self.has_ended = item.as_ref().is_err_and(|error| !error.is_about_item());
        if matches!(item, Err(GetError::Disconnected)) { None } else { Some(item) }
    }
}

impl<T> fmt::Debug for Items<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Items").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}
