//! What can be an argument or a value of a task.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that can cross between processes: all that `Serialize`, `DeserializeOwned` and `Send`
/// is, and borrows nothing.
///
/// It is implemented for all of these, and cannot be implemented otherwise.
pub trait Data: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Data for T {}
