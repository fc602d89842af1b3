//! Describing a process, and starting it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bootstrap::require_init;
use crate::child::Child;
use crate::current;
use crate::error::StartError;
use crate::fork::SingleThread;
use crate::function::Function;
use crate::job::{Call, Closure, Job};
use crate::join_handle::JoinHandle;
use crate::{StartMethod, fork, forkserver, registry, spawn};

/// A process to be: what it will run, and how.
///
/// # Examples
///
/// A function and its arguments:
///
/// ```
/// use procspawn_core::Process;
///
/// fn area(width: f64, height: f64) -> f64 {
///     width * height
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// procspawn_core::init();
///
/// let process = Process::new(area, (2.0, 3.0)).name("surveyor").daemon(true).start()?;
/// assert_eq!(process.name(), "surveyor");
/// assert_eq!(process.join()?, 6.0);
/// # Ok(())
/// # }
/// ```
///
/// A closure must not capture; what it needs is passed to it:
///
/// ```
/// # use procspawn_core::Process;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # procspawn_core::init();
/// let names = vec!["ann".to_string(), "bob".to_string()];
/// let process = Process::new(|names: Vec<String>| names.join(" and "), (names,)).start()?;
/// assert_eq!(process.join()?, "ann and bob");
/// # Ok(())
/// # }
/// ```
#[must_use = "a process does nothing until it is started"]
pub struct Process<R> {
    job: Box<dyn Job>,
    name: Option<String>,
    daemon: Option<bool>,
    method: Option<StartMethod>,
    value: PhantomData<fn() -> R>,
}

/// A type with state of its own that is the work of a process: the other way to say what one runs.
///
/// # Examples
///
/// ```
/// use procspawn_core::{Process, Run};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Countdown {
///     from: u32,
/// }
///
/// impl Run for Countdown {
///     type Output = Vec<u32>;
///
///     fn run(self) -> Vec<u32> {
///         (0..=self.from).rev().collect()
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # procspawn_core::init();
/// let process = Process::of(Countdown { from: 3 }).start()?;
/// assert_eq!(process.join()?, [3, 2, 1, 0]);
/// # Ok(())
/// # }
/// ```
pub trait Run: Serialize + DeserializeOwned + 'static {
    /// What comes back.
    type Output: Serialize + DeserializeOwned + 'static;

    /// The work, done in the child.
    fn run(self) -> Self::Output;
}

impl<R: Serialize + DeserializeOwned + 'static> Process<R> {
    /// A process that will call `function` with the elements of the tuple `args`.
    ///
    /// The function is a function item or a closure that captures nothing; one that captures is an
    /// error of the compiler. Arguments and value are serde values; those that hold descriptors
    /// ([`Handle`](ipc_pipe::Handle), connections) take them along.
    pub fn new<F, A>(function: F, args: A) -> Self
    where
        F: Function<A, Output = R>,
        A: Serialize + DeserializeOwned + 'static,
    {
        Process::from_job(Call::new(function, args))
    }

    /// A process that will do the work of `runner`.
    pub fn of<T: Run<Output = R>>(runner: T) -> Self {
        Process::new(T::run, (runner,))
    }

    /// A process that will call `closure`, with whatever that captures; started by
    /// [`StartMethod::Fork`] only.
    pub fn from_closure(closure: impl FnOnce() -> R + 'static) -> Self {
        Process::from_job(Closure(closure)).start_method(StartMethod::Fork)
    }

    fn from_job(job: impl Job + 'static) -> Self {
        let job = Box::new(job);
        Process { job, name: None, daemon: None, method: None, value: PhantomData }
    }

    /// Names the process, for people. The default is `Process-` and its place in the family.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the process is a daemon: one that dies with its parent, however the parent dies, and
    /// that an exiting parent stops instead of waiting for it. The default is what the parent
    /// is.
    ///
    /// A daemon may have children; they die with it.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = Some(daemon);
        self
    }

    /// How the process is started. The default is [`StartMethod::current`].
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.method = Some(method);
        self
    }

    /// Starts the process and returns at once; it runs beside this one.
    ///
    /// # Errors
    ///
    /// When the arguments cannot be encoded, [`init`](crate::init) has not run, or the system has
    /// no process, memory or descriptor left. Nothing is left behind then.
    pub fn start(self) -> Result<JoinHandle<R>, StartError> {
        self.start_with(SingleThread::check)
    }

    /// Starts it; `single` answers for the threads if it is to be forked.
    pub(crate) fn start_with(
        self,
        single: impl FnOnce() -> Result<SingleThread, StartError>,
    ) -> Result<JoinHandle<R>, StartError> {
        require_init()?;
        registry::reap_detached();
        let method = self.method.unwrap_or_else(StartMethod::current);
        let about = current::next_child(self.name, self.daemon, method);
        let started = match method {
            StartMethod::Spawn => spawn::launch(&about, &*self.job),
            StartMethod::ForkServer => forkserver::launch(&about, &*self.job),
            StartMethod::Fork => fork::launch(&about, self.job, single()?),
        }?;
        let child = Arc::new(Child::new(about, started));
        registry::add(child.clone());
        Ok(JoinHandle::new(child))
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Process")
            .field("name", &self.name)
            .field("daemon", &self.daemon)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
