//! The operations that several handles have, each in its four forms: as long as it takes, not at all
//! (`try_`), for some time (`_timeout`), up to some point (`_deadline`).
//!
//! A handle names its ends by `sending()` and `receiving()`; the meaning is in `operations`.

/// The four forms of one operation.
macro_rules! forms {
    (
        $(#[$doc:meta])*
        [$wait:ident $try:ident $timeout:ident $deadline:ident]
        $(where $item:ident: $bound:path;)?
        ($self:ident $(, $argument:ident: $type:ty)*) -> $result:ty, $patience:ident => $body:expr
    ) => {
        $(#[$doc])*
        pub fn $wait(&$self $(, $argument: $type)*) -> $result
        $(where $item: $bound)?
        {
            let $patience = $crate::patience::Patience::Endless;
            $body
        }

        #[doc = concat!("As [`", stringify!($wait), "`](Self::", stringify!($wait), "), without waiting.")]
        ///
        /// # Errors
        ///
        #[doc = concat!("`Full` or `Empty` if it would have to wait; else as [`", stringify!($wait), "`](Self::", stringify!($wait), ").")]
        pub fn $try(&$self $(, $argument: $type)*) -> $result
        $(where $item: $bound)?
        {
            let $patience = $crate::patience::Patience::None;
            $body
        }

        #[doc = concat!("As [`", stringify!($wait), "`](Self::", stringify!($wait), "), for at most `timeout`.")]
        ///
        /// # Errors
        ///
        #[doc = concat!("`TimedOut`; else as [`", stringify!($wait), "`](Self::", stringify!($wait), ").")]
        pub fn $timeout(
            &$self $(, $argument: $type)*, timeout: std::time::Duration
        ) -> $result
        $(where $item: $bound)?
        {
            let $patience = $crate::patience::Patience::after(timeout);
            $body
        }

        #[doc = concat!("As [`", stringify!($wait), "`](Self::", stringify!($wait), "), up to `deadline` on the monotonic clock.")]
        ///
        /// # Errors
        ///
        #[doc = concat!("`TimedOut`; else as [`", stringify!($wait), "`](Self::", stringify!($wait), ").")]
        pub fn $deadline(
            &$self $(, $argument: $type)*, deadline: std::time::Instant
        ) -> $result
        $(where $item: $bound)?
        {
            let $patience = $crate::patience::Patience::Until(deadline);
            $body
        }
    };
}

/// What can be done at the sending end.
macro_rules! puts {
    () => {
        $crate::forms::forms! {
            /// Puts an item, waiting for room.
            ///
            /// When this returns, the item is in shared memory and outlives this process. If this
            /// process dies in between, the whole item is there or nothing of it.
            ///
            /// # Errors
            ///
            /// With the item: see [`PutErrorKind`](crate::PutErrorKind). One that cannot be encoded
            /// changes nothing for others.
            #[inline]
            [put try_put put_timeout put_deadline] where T: serde::Serialize;
            (self, item: T) -> Result<(), crate::PutError<T>>,
            patience => self.sending().put_value(item, patience)
        }

        $crate::forms::forms! {
            /// Puts many items in their order, a batch under one lock: quicker than one by one.
            /// Other producers' items may come between batches.
            ///
            /// # Errors
            ///
            /// With the items that have not been put, the one with the error first. (So an endless
            /// iterator is for queues that nobody closes.)
            [put_many try_put_many put_many_timeout put_many_deadline] where T: serde::Serialize;
            (self, items: impl IntoIterator<Item = T>) -> Result<(), crate::PutError<Vec<T>>>,
            patience => self.sending().put_values(items, patience)
        }

        $crate::forms::forms! {
            /// Puts bytes as an item: a single copy.
            ///
            /// For receivers that take bytes; `get` takes them as the encoding of a `T`.
            ///
            /// # Errors
            ///
            /// As [`put`](Self::put).
            [put_bytes try_put_bytes put_bytes_timeout put_bytes_deadline]
            (self, bytes: &[u8]) -> Result<(), crate::PutError<()>>,
            patience => self.sending().put_raw(bytes, patience)
        }

        $crate::forms::forms! {
            /// Room for an item of `len` bytes, to be written where it will lie.
            ///
            /// # Errors
            ///
            /// [`TooLong`](crate::PutErrorKind::TooLong); else as [`put`](Self::put).
            [reserve try_reserve reserve_timeout reserve_deadline]
            (self, len: usize) -> Result<crate::Reservation<'_>, crate::PutError<()>>,
            patience => self.sending().reserve(len, patience)
        }

        /// Ends the queue for all producers: from now on nothing can be put. Consumers get what is
        /// there, then [`Disconnected`](crate::GetError::Disconnected). Idempotent.
        pub fn close(&self) {
            self.sending().close();
        }

        /// True if the queue is closed or shut down.
        pub fn is_closed(&self) -> bool {
            self.sending().control().fixed.closed() != 0
        }
    };
}

/// What can be done at the receiving end.
macro_rules! gets {
    () => {
        $crate::forms::forms! {
            /// Takes an item, waiting until there is one.
            ///
            /// If this process dies in here, the item is lost only if it had been taken for it.
            ///
            /// # Errors
            ///
            /// [`Disconnected`](crate::GetError::Disconnected) once the queue is drained and nothing
            /// can come any more; [`Decode`](crate::GetError::Decode) if the item is no `T`; see
            /// [`GetError`](crate::GetError).
            #[inline]
            [get try_get get_timeout get_deadline] where T: serde::de::DeserializeOwned;
            (self) -> Result<T, crate::GetError>,
            patience => self.receiving().get_value(patience)
        }

        $crate::forms::forms! {
            /// Takes what is there, `max` items at most, waiting until there is one: quicker than one
            /// by one. It may be fewer than there are.
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get), with the items that could be had.
            [get_many try_get_many get_many_timeout get_many_deadline]
            where T: serde::de::DeserializeOwned;
            (self, max: usize) -> Result<Vec<T>, crate::GetManyError<T>>,
            patience => self.receiving().get_values(max, patience)
        }

        $crate::forms::forms! {
            /// Takes an item as bytes into `buffer`, in place of what is there, and gives their
            /// number. Descriptors in it are closed.
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get).
            [get_bytes_into try_get_bytes_into get_bytes_into_timeout get_bytes_into_deadline]
            (self, buffer: &mut Vec<u8>) -> Result<usize, crate::GetError>,
            patience => {
                buffer.clear();
                self.receiving().get_raw_into(buffer, patience).map(|()| buffer.len())
            }
        }

        $crate::forms::forms! {
            /// Takes an item as bytes.
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get).
            [get_bytes try_get_bytes get_bytes_timeout get_bytes_deadline]
            (self) -> Result<Vec<u8>, crate::GetError>,
            patience => {
                let mut buffer = Vec::new();
                self.receiving().get_raw_into(&mut buffer, patience).map(|()| buffer)
            }
        }

        $crate::forms::forms! {
            /// Takes an item and reads it where it lies.
            ///
            /// # Errors
            ///
            /// As [`get`](Self::get); [`TooManyOut`](crate::GetError::TooManyOut) and
            /// [`TooManyHeld`](crate::GetError::TooManyHeld) besides.
            [get_ref try_get_ref get_ref_timeout get_ref_deadline]
            (self) -> Result<crate::ItemRef<'_, T>, crate::GetError>,
            patience => {
                let lent = self.receiving().get_lent(crate::takes::BORROWED, patience);
                lent.map(crate::ItemRef::new)
            }
        }

        $crate::forms::forms! {
            /// Takes an item that goes back to the queue unless it is acknowledged.
            ///
            /// # Errors
            ///
            /// As [`get_ref`](Self::get_ref).
            [get_leased try_get_leased get_leased_timeout get_leased_deadline]
            where T: serde::de::DeserializeOwned;
            (self) -> Result<crate::Leased<'_, T>, crate::GetError>,
            patience => self.receiving().get_leased(patience)
        }

        /// The items, as they come, up to the end of the stream. An error about one item
        /// ([`GetError::is_about_item`](crate::GetError::is_about_item)) is followed by the next
        /// one; any other is the last.
        pub fn iter(&self) -> crate::Items<'_, T>
        where
            T: serde::de::DeserializeOwned,
        {
            crate::Items::new(self.receiving())
        }
    };
}

/// What both ends can see, and do.
macro_rules! looks {
    ($end:ident) => {
        /// How many items can be taken at this instant.
        pub fn len(&self) -> usize {
            self.$end().len()
        }

        /// True if there is no item to be taken at this instant.
        pub fn is_empty(&self) -> bool {
            !self.$end().has_items()
        }

        /// True if the queue has as many items as it can at this instant, or, without a bound of
        /// items, no room for a short one.
        pub fn is_full(&self) -> bool {
            self.$end().is_full()
        }

        /// The most items that it can have; `None` if it is not bounded by items.
        pub fn capacity(&self) -> Option<usize> {
            let shape = self.$end().shared.ring.shape();
            shape.is_bounded_by_items().then_some(shape.items as usize)
        }

        /// Ends the queue for all, at once: what is queued is thrown away, and from now on nothing
        /// can be put or taken. Leased items stay with who has them.
        ///
        /// # Errors
        ///
        /// If the locks cannot be had; then it is closed, but not emptied.
        pub fn shutdown(&self) -> Result<(), crate::GetError> {
            self.$end().shut_down()
        }
    };
}

pub(crate) use {forms, gets, looks, puts};
