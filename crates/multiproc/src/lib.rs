//! Run functions in other processes, get their values back, and talk to them.
//!
//! What `multiprocessing` is to Python, for Rust on Linux: code that is not thread-safe can use
//! every processor, and a crash or a leak in foreign code costs one process instead of the program.
//!
//! ```
//! use multiproc::Process;
//!
//! fn count(text: String, letter: char) -> usize {
//!     text.chars().filter(|c| *c == letter).count()
//! }
//!
//! #[multiproc::main]
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let process = Process::new(count, ("banana".to_string(), 'a')).start()?;
//!     println!("process {} is counting", process.pid());
//!     assert_eq!(process.join()?, 3);
//!     Ok(())
//! }
//! ```
//!
//! A child is the same program, executed again. [`#[multiproc::main]`](macro@main), or a call of
//! [`init`] first thing in `main`, is where a child turns off to run its function; `main` goes on
//! in the first process only. (The attribute is the quicker of the two: it turns off even before
//! `main`.) If both are forgotten, the first start is an error,
//! [`StartError::NotInitialized`]. No function is registered anywhere.
//!
//! # What can run
//!
//! [`Process::new`] takes a function, or a closure that captures nothing, and a tuple of its
//! arguments, `(x,)` for a single one. A closure that captures does not compile: pass what it
//! captures. [`Process::of`] takes a value of a type that implements [`Run`]. [`RemoteFn`] is a
//! function as a value that can itself be sent.
//!
//! [`join`](JoinHandle::join) gives the value, or says why there is none: a panic with its message
//! and place, an exit code of 32 bits, a signal. [`JoinHandle`] can wait with a timeout, is a
//! `Future`, and dereferences to [`Child`], which has the pid, the name, `is_alive`, `terminate`,
//! `kill`. Dropping it detaches the process.
//!
//! # The three start methods
//!
//! | [`StartMethod`] | how | the child has |
//! |---|---|---|
//! | `Spawn`, the default | executes this program again | its arguments |
//! | `ForkServer` | a helper with one thread forks | also what the helper has preloaded |
//! | `Fork` | copies this process | a copy of everything |
//!
//! The first two are safe with threads, and their cost does not depend on how much memory this
//! process has. The fork server starts with the first process that asks for it, and what it has
//! then, its children have: the environment, the working directory, and what
//! [`set_forkserver_preload`] has had it load. `Fork` refuses to start while the process has more
//! than one thread; it alone runs closures that capture ([`Process::from_closure`]).
//! A spawn is mostly the start of a program, and a third of that is the dynamic linker, which a
//! program linked with `-C target-feature=+crt-static` does without.
//! [`Process::start_method`] chooses for one process, [`set_start_method`] for all that do not say.
//!
//! # What crosses
//!
//! Arguments, values and messages are `Serialize` and `DeserializeOwned`; what crosses is a copy.
//! Besides:
//!
//! * [`Handle`] holds a file, a socket or any descriptor, which travels with the value. So do
//!   [`Connection`]s, [`Sender`]s and [`Receiver`]s: that is how two processes come to talk.
//! * [`Bulk`] and [`Bytes`] hold many plain numbers. They travel as one block, from
//!   [`BULK_THRESHOLD`] bytes on as a sealed memory file that the receiver maps instead of copying.
//! * A process's standard output and error are its parent's; its standard input is `/dev/null`.
//!
//! # Pipes
//!
//! [`pipe`] connects one way and [`duplex`] both ways. Keep one end and send the other with the
//! arguments:
//!
//! ```
//! use multiproc::{Connection, Process, duplex};
//!
//! fn square(mut numbers: Connection<u64>) {
//!     while let Ok(number) = numbers.recv() {
//!         numbers.send(&(number * number)).expect("the parent reads");
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # multiproc::init();
//! let (mut numbers, there) = duplex()?;
//! let process = Process::new(square, (there,)).start()?;
//! numbers.send(&12)?;
//! assert_eq!(numbers.recv()?, 144);
//! drop(numbers); // The other end sees the end.
//! process.join()?;
//! # Ok(())
//! # }
//! ```
//!
//! Every operation waits, or has a form that does not (`try_`) or gives up (`_timeout`,
//! `_deadline`). One deadline holds for a whole message: a writer that stops in the middle of one
//! keeps no reader beyond it, and one that dies there leaves an error. The module [`connection`]
//! has listeners and clients for processes that do not descend from each other, and
//! [`wait`](connection::wait) for many things at once.
//!
//! # Shared memory
//!
//! What is sent is copied. What should be one and the same for several processes lies in shared
//! memory, and what is sent is a handle:
//!
//! | for | there is |
//! |---|---|
//! | a number or a struct, with a lock | [`Value`] |
//! | many of them, with one lock | [`Array`] |
//! | the same without a lock, by copy; numbers are atomic | [`RawValue`], [`RawArray`] |
//! | many, of which each process writes its own part in place | [`SharedSlice`] |
//! | some texts, numbers and bytes | [`ShareableList`] |
//! | a struct of your own, with atomics and [locks](sync) in it | [`Shared`] |
//! | bytes | [`shm::Region`] |
//!
//! ```
//! use multiproc::{Process, Shareable, Value};
//!
//! #[derive(Clone, Copy, Debug, PartialEq, Shareable)]
//! #[repr(C)]
//! struct Point {
//!     x: f64,
//!     y: f64,
//! }
//!
//! fn walk(point: Value<Point>) {
//!     point.update(|point| point.x += 1.0).expect("nobody has died with the lock");
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # multiproc::init();
//! let point = Value::new(Point { x: 1.0, y: 2.0 })?;
//! Process::new(walk, (point.clone(),)).start()?.join()?;
//! assert_eq!(point.get()?, Point { x: 2.0, y: 2.0 });
//! # Ok(())
//! # }
//! ```
//!
//! [`Shareable`] has the rules for structs of your own, and its derive checks them. (It writes an
//! `unsafe impl`: in a crate that wants no unsafe code `deny` it, since `forbid` forbids this, too.)
//! Memory is set aside when it is made, so that no later access fails, and it goes with the last
//! handle of any process, however that ends. Processes that do not descend from each other find it
//! by a name (`create` and `open`), which goes with its last user.
//!
//! # Locks, and when a holder dies
//!
//! [`Lock`], [`RLock`], [`Semaphore`], [`BoundedSemaphore`], [`Condition`], [`Event`], [`Barrier`],
//! [`Latch`] and [`Once`] are handles, too. The module [`sync`] has them as plain values for your
//! own structs in a [`Shared`], and [`RwLock`](sync::RwLock) besides. What waits has forms that do
//! not wait (`try_`) or give up (`_timeout`, `_deadline`).
//!
//! A process can be killed at any instruction, and the others go on: the kernel gives back what the
//! dead held. Since what a lock protects may be half changed, the next locker is told. The error
//! [`LockError::OwnerDied`] is the lock, had, with a warning:
//!
//! ```
//! use multiproc::{LockError, Process, Value};
//!
//! fn die(pair: Value<[u32; 2]>) {
//!     let mut guard = pair.lock().expect("it is free");
//!     guard[0] = 7;
//!     std::process::abort(); // Before the other half is written.
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # multiproc::init();
//! let pair = Value::new([1, 1])?;
//! Process::new(die, (pair.clone(),)).start()?.wait();
//! assert!(matches!(pair.lock(), Err(LockError::OwnerDied(_))));
//! let pair = pair.lock_or_repair(|pair| pair[1] = pair[0])?;
//! assert_eq!(*pair, [7, 7]);
//! # Ok(())
//! # }
//! ```
//!
//! | a process dies | then |
//! |---|---|
//! | with a [`Lock`], [`RLock`], [`Value`], [`Array`], or as a writer | the next locker is told |
//! | as a reader of a [`RwLock`](sync::RwLock) or [`SharedSlice`] | its place is free |
//! | with permits of a [`BoundedSemaphore`] | they are free again |
//! | with what it took from a [`Semaphore`] | that is gone: a semaphore has no holders |
//! | waiting at a [`Barrier`], or after [`enter`] | the barrier breaks for all who wait |
//! | while it sets an [`Event`] or notifies a [`Condition`] | all wake up, or nothing has happened |
//! | in the work of a [`Once`] | the next one does it |
//!
//! A panic poisons what is held, as with the locks of std. A process that is *stopped* keeps what it
//! holds: wait with a timeout where that may happen. Locks belong to threads: only the thread that
//! locked can let go. [`sync::capabilities`] says what the system does for the survivors.
//!
//! # Queues
//!
//! A [`Queue`] takes values from any process to any other. [`JoinableQueue`] knows what is done,
//! [`PriorityQueue`] gives out the smallest number first, and [`SimpleQueue`] is just that. The
//! module [`queue`] has the rest: the halves, by which a stream ends when its last sender is gone,
//! and [`wait`](queue::wait) for queues, events, connections and processes together.
//!
//! ```
//! use multiproc::{JoinableQueue, Process};
//!
//! fn eat(buns: JoinableQueue<u32>) {
//!     while let Ok(_bun) = buns.get() {
//!         buns.task_done().expect("one was taken");
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # multiproc::init();
//! let buns = JoinableQueue::bounded(10)?;
//! let eater = Process::new(eat, (buns.clone(),)).start()?;
//! buns.put_many(0..100)?;
//! buns.join()?; // All are done, or a consumer died, which it says.
//! buns.close();
//! eater.join()?;
//! # Ok(())
//! # }
//! ```
//!
//! When `put` returns, the item is in shared memory: no thread still has to send it, and it outlives
//! the process that put it. A process that is killed in the middle of an operation leaves a whole item
//! or none. One that has taken an item by [`get_leased`] and dies gives it back.
//!
//! # Pools
//!
//! A [`Pool`] keeps workers, and runs calls in them: one now ([`apply`]) or later ([`submit`]), many
//! ([`map`]), or as many as their values are asked for ([`imap`]).
//!
//! ```
//! use multiproc::{Executor, Pool};
//!
//! fn brittle(n: u32) -> u32 {
//!     if n == 3 {
//!         std::process::abort();
//!     }
//!     n * n
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # multiproc::init();
//! let pool = Pool::with_workers(2)?;
//! let squares: Vec<_> = pool.imap(brittle, 0..6).collect();
//! for (n, square) in squares.iter().enumerate() {
//!     match square {
//!         Ok(square) => assert_eq!(*square, (n * n) as u32),
//!         Err(error) => assert!(n == 3 && error.is_worker_died()),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Every handle resolves, whatever happens to workers and to the pool, and a crash costs the call that
//! it happened in. [`Executor::call`] asks for more: priority, timeouts, retries, chunks, a window.
//! [`Pool::builder`] has initializers and worker state, recycling, pinning, and the rest. Handles can be
//! cancelled, awaited, chained, and waited for together ([`pool::wait`], [`pool::as_completed`]).
//! [`ThreadPool`] and [`SerialPool`] run the same program in threads, and right here.
//!
//! # Daemons and lifetimes
//!
//! * A [daemon](Process::daemon) dies with its parent, even if that is killed. It may have
//!   children, and they die with it. Whether a process is a daemon is inherited unless said.
//! * At its orderly exit (`main` returns, `std::process::exit`, a panic of the main thread) a
//!   process stops its daemons: SIGTERM, and SIGKILL after two seconds. Then it waits for its other
//!   children, as long as [`set_exit_timeout`] allows; without that, as long as they run.
//! * A process that is killed leaves its other children running.
//! * A process that nobody joins any more is reaped by a later start or by [`active_children`].
//!
//! # Tests
//!
//! The test harness owns `main` in a test binary. [`test_binary!`] at its root stands in for
//! [`init`]:
//!
//! ```standalone_crate
//! multiproc::test_binary!(); // In a library's unit tests: behind #[cfg(test)], in lib.rs.
//!
//! # /*
//! #[test]
//! # */
//! fn adds() {
//!     let process = multiproc::Process::new(|x: u32| x + 1, (41,)).start().unwrap();
//!     assert_eq!(process.join().unwrap(), 42);
//! }
//! # fn main() {
//! #     adds();
//! # }
//! ```
//!
#![doc = include_str!("coming_from_python.md")]
//!
//! `Manager` and what belongs to it are to come.
//!
//! # What this crate does not do
//!
//! There is no manager yet, and no platform but Linux (5.4 or newer). Shared memory
//! holds plain data: no `String`, no `Vec`, no pointer. Function names mean something to the same
//! build of a program only: processes of different builds talk through [`connection`], with types
//! that both know.
//!
//! [`apply`]: Executor::apply
//! [`apply_async`]: Executor::apply_async
//! [`submit`]: Executor::submit
//! [`map`]: Executor::map
//! [`map_async`]: Executor::map_async
//! [`starmap`]: Executor::starmap
//! [`imap`]: Executor::imap
//! [`imap_unordered`]: Executor::imap_unordered
//! [`chunk_size`]: pool::Call::chunk_size
//! [`window`]: pool::Call::window
//! [`then`]: pool::Handle::then
//! [`cancel`]: pool::Handle::cancel
//! [`start`]: Process::start
//! [`join`]: JoinHandle::join
//! [`join_timeout`]: JoinHandle::join_timeout
//! [`detach`]: JoinHandle::detach
//! [`terminate`]: Child::terminate
//! [`kill`]: Child::kill
//! [`interrupt`]: Child::interrupt
//! [`is_alive`]: Child::is_alive
//! [`exit_status`]: Child::exit_status
//! [`sentinel`]: Child::sentinel
//! [`name`]: Child::name
//! [`pid`]: Child::pid
//! [`is_daemon`]: Child::is_daemon
//! [`AuthKey`]: connection::AuthKey
//! [`Listener`]: connection::Listener
//! [`Client`]: connection::Client
//! [`send`]: Sender::send
//! [`recv`]: Receiver::recv
//! [`send_bytes`]: Sender::send_bytes
//! [`recv_bytes`]: Receiver::recv_bytes
//! [`recv_bytes_into`]: Receiver::recv_bytes_into
//! [`set_max_message_len`]: Receiver::set_max_message_len
//! [`poll`]: Receiver::poll
//! [`enter`]: sync::Barrier::enter
//! [`get`]: Value::get
//! [`set`]: Value::set
//! [`update`]: Value::update
//! [`lock`]: sync::Mutex::lock
//! [`try_lock`]: sync::Mutex::try_lock
//! [`lock_timeout`]: sync::Mutex::lock_timeout
//! [`release`]: sync::Mutex::release
//! [`MutexGuard::keep`]: sync::MutexGuard::keep
//! [`as_atomic`]: RawValue::as_atomic
//! [`Region::new`]: shm::Region::new
//! [`Region::options`]: shm::Region::options
//! [`Region::open`]: shm::Region::open
//! [`read_at`]: shm::Region::read_at
//! [`write_at`]: shm::Region::write_at
//! [`value`]: sync::Semaphore::value
//! [`wait_timeout`]: sync::Monitor::wait_timeout
//! [`wait_timeout_while`]: sync::Monitor::wait_timeout_while
//! [`notify`]: sync::Monitor::notify
//! [`notify_all`]: sync::Monitor::notify_all
//! [`wait_with`]: sync::Barrier::wait_with
//! [`put`]: Queue::put
//! [`close`]: Queue::close
//! [`shutdown`]: Queue::shutdown
//! [`get_leased`]: Queue::get_leased
#![forbid(unsafe_code)]

pub mod connection;

/// Shared memory by the byte, and what belongs to the types in it.
///
/// The usual ones ([`Shared`], [`SharedSlice`] and so on) are also at the root of the crate.
pub mod shm {
    #[doc(inline)]
    pub use ipc_shm::*;
    // Takes the place of the derive in the line above, which names the other crate.
    pub use multiproc_macros::Shareable;
}

/// Locks and the like as plain values, for structs of your own in shared memory.
///
/// The handles at the root of the crate, such as [`Lock`], lead to these: here are their operations,
/// and what happens to each when a process dies.
///
/// ```
/// use multiproc::sync::{Condvar, Mutex};
/// use multiproc::{Shareable, Shared};
///
/// #[derive(Shareable)]
/// #[repr(C)]
/// struct Stock {
///     buns: Mutex<u32>,
///     baked: Condvar,
/// }
///
/// let stock = Shared::new(Stock { buns: Mutex::new(3), baked: Condvar::new() })?;
/// *stock.baked.wait_while(stock.buns.lock()?, |buns| *buns == 0)? -= 1;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub mod sync {
    #[doc(inline)]
    pub use sync_primitives::*;
}

/// Queues, their halves, and what their operations give and fail with.
///
/// The usual ones ([`Queue`], [`JoinableQueue`] and so on) are also at the root of the crate.
pub mod queue {
    #[doc(inline)]
    pub use queues::*;
}

/// Pools of worker processes, of threads and of nobody, and what their tasks give and fail with.
///
/// The usual ones ([`Pool`], [`Executor`] and so on) are also at the root of the crate.
pub mod pool {
    #[doc(inline)]
    pub use ::pool::*;
}

/// Compiles and runs what the README shows.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;

#[doc(inline)]
pub use crate::pool::{Executor, Pool, PoolError, SerialPool, TaskError, ThreadPool};
pub use ipc_pipe::{
    BULK_THRESHOLD, Bulk, Bytes, Connection, DecodeError, EncodeError, Handle, Message, Receiver,
    RecvError, SendError, Sender, duplex, handle, pipe,
};
pub use multiproc_macros::{main, remote};
pub use procspawn_core::{
    Child, CurrentProcess, ExitStatus, Function, JoinError, JoinHandle, ParentProcess, Process,
    RemoteFn, Run, StartError, StartMethod, active_children, authkey, cpu_count, current_process,
    forkserver_pid, init, parent_process, set_authkey, set_executable, set_exit_timeout,
    set_forkserver_preload, set_start_method, test_binary,
};
#[doc(inline)]
pub use queue::{GetError, JoinableQueue, PriorityQueue, PutError, Queue, SimpleQueue};
#[doc(inline)]
pub use shm::{
    Item, RawArray, RawValue, Shareable, ShareableList, Shared, SharedSlice, ShmError, sweep,
};
#[doc(inline)]
pub use sync::handles::{
    Barrier, BoundedSemaphore, Condition, Event, Latch, Lock, Once, RLock, Semaphore,
};
#[doc(inline)]
pub use sync::{AcquireError, Array, BrokenBarrier, LockError, NotHeld, Value};

/// What the attributes' expansions name.
#[doc(hidden)]
pub mod __private {
    pub use crate::shm::{Layout, Shareable};
    pub use procspawn_core::test_binary as before_main;
    pub use procspawn_core::{REGISTERED, Registered, linkme};
}
