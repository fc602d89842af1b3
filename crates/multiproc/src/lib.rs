//! Run functions in other processes, get their values back, and talk to them.
//!
//! What `multiprocessing` is to Python, for Rust on Linux: code that is not thread-safe can use every
//! processor, and a crash or a leak in foreign code costs one process instead of the program.
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
//! [`init`] first thing in `main`, is where a child turns off to run its function; `main` goes on in
//! the first process only. No function is registered anywhere. Forgotten, it is an error of the first
//! start, [`StartError::NotInitialized`].
//!
//! # What can run
//!
//! [`Process::new`] takes a function, or a closure that captures nothing, and a tuple of its arguments,
//! `(x,)` for a single one. A closure that captures does not compile: pass what it captures.
//! [`Process::of`] takes a value of a type that implements [`Run`]. [`RemoteFn`] is a function as a value
//! that can itself be sent.
//!
//! [`join`](JoinHandle::join) gives the value, or says why there is none: a panic with its message and
//! place, an exit code of 32 bits, a signal. [`JoinHandle`] can wait with a timeout, is a `Future`, and
//! dereferences to [`Child`], which has the pid, the name, `is_alive`, `terminate`, `kill`. Dropping it
//! detaches the process.
//!
//! # The three start methods
//!
//! | [`StartMethod`] | how | the child has | when |
//! |---|---|---|---|
//! | `Spawn`, the default | executes this program | its arguments | always; safe with threads |
//! | `ForkServer` | a helper with one thread forks | also what [`set_forkserver_preload`] has loaded | many short processes; safe with threads |
//! | `Fork` | copies this process | a copy of everything | one thread; closures that capture ([`Process::from_closure`]) |
//!
//! The cost of the first two does not depend on how much memory this process has; that of `Fork` does.
//! `Fork` refuses to start while the process has more than one thread.
//! [`Process::start_method`] chooses for one process, [`set_start_method`] for all that do not say.
//!
//! # What crosses
//!
//! Arguments, values and messages are `Serialize` and `DeserializeOwned`; what crosses is a copy. Besides:
//!
//! * [`Handle`] holds a file, a socket or any descriptor, which travels with the value. So do
//!   [`Connection`]s, [`Sender`]s and [`Receiver`]s: that is how two processes come to talk.
//! * [`Bulk`] and [`Bytes`] hold many plain numbers. They travel as one block, from 64 KiB on as a
//!   sealed memory file that the receiver maps instead of copying.
//! * A process's standard output and error are its parent's; its standard input is `/dev/null`.
//!
//! # Pipes
//!
//! [`pipe`] connects one way and [`duplex`] both ways. Keep one end and send the other with the arguments:
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
//! Every operation waits, or has a form that does not (`try_`) or gives up (`_timeout`, `_deadline`). One
//! deadline holds for a whole message: a writer that is killed in the middle of one leaves an error, never
//! a reader that waits. The module [`connection`] has listeners and clients for processes that do not
//! descend from each other, and [`wait`](connection::wait) for many things at once.
//!
//! # Daemons and lifetimes
//!
//! * A [daemon](Process::daemon) dies with its parent, even if that is killed. It may have children, and
//!   they die with it. Whether a process is a daemon is inherited unless said.
//! * At its orderly exit (`main` returns, `std::process::exit`, a panic of the main thread) a process stops
//!   its daemons: SIGTERM, and SIGKILL after two seconds. Then it waits for its other children, as long as
//!   [`set_exit_timeout`] allows; without that, as long as they run.
//! * A process that is killed leaves its other children running.
//! * A process that nobody joins any more is reaped by a later start or by [`active_children`].
//!
//! # Tests
//!
//! The test harness owns `main` in a test binary. [`test_binary!`] at its root stands in for [`init`]:
//!
//! ```
//! multiproc::test_binary!(); // In a library's unit tests: behind #[cfg(test)], in lib.rs.
//!
//! # fn main() {}
//! # #[cfg(any())]
//! #[test]
//! fn adds() {
//!     let process = multiproc::Process::new(|x: u32| x + 1, (41,)).start().unwrap();
//!     assert_eq!(process.join().unwrap(), 42);
//! }
//! ```
//!
//! # Coming from Python
//!
//! | `multiprocessing` | here | what is different |
//! |---|---|---|
//! | `Process(target=f, args=(x,))` | [`Process::new`]`(f, (x,))` | types are checked; no keyword arguments |
//! | a subclass with `run` | [`Process::of`] a type that is [`Run`] | returns a value |
//! | `start()` | [`start`](Process::start) | gives a [`JoinHandle`]; a second start does not compile; a daemon may have children |
//! | `join()` | [`join`](JoinHandle::join) | gives the value, or the error |
//! | `join(timeout)` | [`join_timeout`](JoinHandle::join_timeout) | `None` if it still runs |
//! | `terminate()`, `kill()`, `interrupt()` | [the](Child::terminate) [same](Child::kill) [names](Child::interrupt) | never reaches another process that got the pid |
//! | `is_alive()` | [`is_alive`](Child::is_alive) | |
//! | `exitcode` | [`exit_status`](Child::exit_status) | all 32 bits: 256 is not 0; signals apart; 101 after a panic, not 1 |
//! | `sentinel` | [`sentinel`](Child::sentinel), `as_fd` | a pidfd: no grandchild keeps it open |
//! | `name`, `pid`, `daemon` | [`name`](Child::name), [`pid`](Child::pid), [`is_daemon`](Child::is_daemon) | set before the start ([`name`](Process::name), [`daemon`](Process::daemon)); a daemon dies with its parent even on SIGKILL |
//! | `close()` | drop, or [`detach`](JoinHandle::detach) | also while it runs |
//! | `authkey` of a process | [`AuthKey`](connection::AuthKey) | none by default: made and passed on where one is needed |
//! | `active_children()` | [`active_children`] | |
//! | `current_process()` | [`current_process`] | |
//! | `parent_process()` | [`parent_process`] | |
//! | `cpu_count()` | [`cpu_count`] | those this process may use: affinity and quotas count |
//! | `Pipe(duplex=False)`, `Pipe()` | [`pipe`], [`duplex`] | typed; sockets both |
//! | `send(x)`, `recv()` | [`send`](Sender::send)`(&x)`, [`recv`](Receiver::recv) | deadlines; decoding runs no code of the sender's; `EOFError` is [`RecvError::Disconnected`] |
//! | `send_bytes`, `recv_bytes`, `recv_bytes_into` | [the](Sender::send_bytes) [same](Receiver::recv_bytes) [names](Receiver::recv_bytes_into) | slices for offset and size; [`BufferTooShort`](RecvError::BufferTooShort) has the message |
//! | `recv_bytes(maxlength)` | [`set_max_message_len`](Receiver::set_max_message_len) | the connection stays good |
//! | `poll()`, `poll(t)`, `poll(None)` | [`poll`](Receiver::poll)`(Some(Duration::ZERO))`, `(Some(t))`, `(None)` | |
//! | `fileno()`, `close()` | `as_fd`, drop | closed when dropped |
//! | `connection.Listener`, `Client` | [`Listener`](connection::Listener), [`Client`](connection::Client) | a silent client keeps nobody waiting; the key encrypts TCP |
//! | – to and from Python | [`connection::python`] | bytes; SHA-256 only, as from CPython 3.12 on |
//! | `connection.wait(list, t)` | [`connection::wait`] | gives indices |
//! | `set_start_method(m)` | [`set_start_method`] | at any time; the default is `Spawn` |
//! | `get_context(m)` | [`Process::start_method`] | for one process; nothing belongs to a context |
//! | `set_forkserver_preload(names)` | [`set_forkserver_preload`] | functions; one that fails is an error of the next start |
//! | `set_executable(path)` | [`set_executable`] | the same build, or `join` says that the function is not there |
//! | `freeze_support()`, `if __name__ == "__main__"` | [`#[multiproc::main]`](macro@main), [`init`] | needed; forgotten, it is an error instead of processes without end |
//! | `Queue`, `Lock`, `Value`, `Pool`, `Manager`, `shared_memory` | | to come |
//!
//! # What this crate does not do
//!
//! There is no shared memory, lock, queue, pool or manager yet, and no platform but Linux (5.4 or newer).
//! Function names mean something to the same build of a program only: processes of different builds
//! talk through [`connection`], with types that both know.
#![forbid(unsafe_code)]

pub mod connection;

pub use ipc_pipe::{
    BULK_THRESHOLD, Bulk, Bytes, Connection, DecodeError, EncodeError, Handle, Message, Receiver,
    RecvError, SendError, Sender, duplex, handle, pipe,
};
pub use multiproc_macros::main;
pub use procspawn_core::{
    Child, CurrentProcess, ExitStatus, Function, JoinError, JoinHandle, Panic, ParentProcess,
    Process, RemoteFn, Run, StartError, StartMethod, active_children, cpu_count, current_process,
    forkserver_pid, init, parent_process, set_executable, set_exit_timeout, set_forkserver_preload,
    set_start_method, test_binary,
};
