//! What every typed handle has: opening by name and file, its region, clones, and the way to
//! another process.
//!
//! A handle is a region whose layout has been checked by `attach`; the macro writes the rest once.

/// Writes for `Type<T: Bound>` with a field `region` and a function `attach(Region)`.
macro_rules! attachable {
    ($type:ident $(<$t:ident : $bound:ident $(+ $more:ident)*>)?, $what:literal) => {
        impl $(<$t: $bound $(+ $more)*>)? $type $(<$t>)? {
            #[doc = concat!("Opens the ", $what, " that another process has made under a name.")]
            ///
            /// # Errors
            ///
            /// [`ShmError::NotFound`](crate::ShmError::NotFound) (also if nobody uses it any more),
            /// `PermissionDenied`, `InvalidName`; `Layout` if it is of another type, and
            /// `NotARegion`, `Version` or `Truncated` if something else lies there.
            pub fn open(name: &str) -> Result<Self, $crate::ShmError> {
                Self::attach($crate::Region::open(name)?)
            }

            #[doc = concat!("Opens the ", $what, " in a file.")]
            ///
            /// # Errors
            ///
            /// As for [`open`](Self::open).
            pub fn open_file(path: impl AsRef<std::path::Path>) -> Result<Self, $crate::ShmError> {
                Self::attach($crate::Region::open_file(path)?)
            }

            /// Removes the name at once; those who have it open keep the memory.
            ///
            /// # Errors
            ///
            /// [`ShmError::NotFound`](crate::ShmError::NotFound) if it has no name (any more).
            pub fn unlink(&self) -> Result<(), $crate::ShmError> {
                self.region.unlink()
            }

            /// The memory in which it lies.
            #[must_use]
            pub fn region(&self) -> &$crate::Region {
                &self.region
            }
        }
    };
}

/// Writes `Serialize` and `Deserialize` for a handle that is nothing but a region.
macro_rules! transferable {
    ($type:ident $(<$t:ident : $bound:ident $(+ $more:ident)*>)?) => {
        #[cfg(feature = "transfer")]
        impl $(<$t: $bound $(+ $more)*>)? serde::Serialize for $type $(<$t>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.region.serialize(serializer)
            }
        }

        #[cfg(feature = "transfer")]
        impl<'de $(, $t: $bound $(+ $more)*)?> serde::Deserialize<'de> for $type $(<$t>)? {
            fn deserialize<D: serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let region = $crate::Region::deserialize(deserializer)?;
                Self::attach(region).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Writes `Clone` for a handle to `T` that is nothing but a region.
macro_rules! cloned {
    ($type:ident<$t:ident>: $($field:ident),*) => {
        impl<$t> Clone for $type<$t> {
            fn clone(&self) -> Self {
                Self { $($field: self.$field.clone()),* }
            }
        }
    };
}

pub(crate) use {attachable, cloned, transferable};
