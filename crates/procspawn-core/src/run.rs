//! What happens inside a child: it learns who it is, runs its function, reports, exits.

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use ipc_pipe::{Message, Packets, RecvError};
use serde::Serialize;

use crate::bootstrap::{Bootstrap, Role};
use crate::entry::EntryRef;
use crate::outcome::{EXIT_FAILED, Report};
use crate::panics::Panic;
use crate::{panics, server, sys};

/// Where the one report of this process goes; taken by whoever reports first.
static CHANNEL: Mutex<Option<Packets>> = Mutex::new(None);
/// The process that the channel belongs to: one that it forks by itself must not report for it.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// The life of a process that was executed with its socket as standard input.
pub(crate) fn from_stdin(channel: io::Result<Packets>) -> ! {
    match channel.and_then(|channel| sys::detach_stdin().map(|()| channel)) {
        Ok(channel) => {
            let bootstrap = channel.recv(None);
            serve(channel, bootstrap)
        }
        Err(error) => fail(&format!("cannot take over the socket of a child: {error}")),
    }
}

/// The life of a fork server's child, from its fork on.
pub(crate) fn serve_when_told(channel: Packets) -> ! {
    // Until then it is a part of the server, which Ctrl-C does not concern.
    sys::wait_deaf_to_interrupts(channel.as_fd());
    let bootstrap = channel.recv::<Bootstrap>(None);
    serve(channel, bootstrap)
}

/// Does once, in a fork server, what each of its children would otherwise do.
pub(crate) fn prepare() {
    panics::install_hook(dying);
    hook_exit();
    EntryRef::warm_up();
}

/// The life of a process that has received its bootstrap.
fn serve(channel: Packets, bootstrap: Result<Bootstrap, RecvError>) -> ! {
    let bootstrap = match bootstrap {
        Ok(bootstrap) => bootstrap,
        // The parent has changed its mind: see the steps in `bootstrap`.
        Err(RecvError::Disconnected) => sys::leave(EXIT_FAILED),
        Err(error) => {
            own(channel);
            finish(Report::NoSuchFunction(format!("the bootstrap is of another build: {error}")))
        }
    };
    match bootstrap.adopt() {
        Ok(Role::Run { entry, args }) => {
            own(channel);
            finish(call(entry, args))
        }
        Ok(Role::Serve { preload }) => server::serve(channel, &preload),
        Err(error) => fail(&format!("cannot tie a daemon to its parent: {error}")),
    }
}

/// The life of a process that was forked with its work in memory.
pub(crate) fn forked(
    channel: Packets,
    bootstrap: Bootstrap<()>,
    body: impl FnOnce() -> Report,
) -> ! {
    if let Err(error) = sys::detach_stdin().and_then(|()| bootstrap.adopt()) {
        fail(&format!("cannot set up a forked child: {error}"));
    }
    own(channel);
    finish(body())
}

/// Finds the function and calls it.
fn call(entry: EntryRef, args: Message) -> Report {
    match entry.find::<Message, Report>() {
        Ok(entry) => entry.call(args),
        Err(error) => Report::NoSuchFunction(error.to_string()),
    }
}

/// Runs `body` and says what came of it.
pub(crate) fn report_of<R: Serialize>(body: impl FnOnce() -> Result<R, Report>) -> Report {
    let encode = |value: R| match Message::encode(&value) {
        Ok(message) => Report::Returned(message),
        Err(error) => Report::Encode(error.to_string()),
    };
    // The value is encoded within the catch, as its `Serialize` may panic too.
    match panics::catch(|| body().map_or_else(|report| report, encode), dying) {
        Ok(report) => report,
        Err(panic) => Report::Panicked(panic),
    }
}

/// Runs `body` and turns a panic into a value, for those who call functions of others and go on. The
/// usual message is printed all the same.
///
/// Where panics abort, this does not return, but who joins the process is told of the panic.
///
/// # Examples
///
/// ```
/// let panic = procspawn_core::catch_panic(|| panic!("no {}", 7)).unwrap_err();
/// assert_eq!(panic.message, "no 7");
/// ```
///
/// # Errors
///
/// What the panic said, if `body` panics.
pub fn catch_panic<R>(body: impl FnOnce() -> R) -> Result<R, Panic> {
    panics::catch(body, dying)
}

/// Takes charge of the channel and of telling an exit.
fn own(channel: Packets) {
    *CHANNEL.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel);
    // Relaxed: read by this process only, in its one thread or at its exit.
    OWNER.store(sys::own_pid().as_raw_nonzero().get(), Ordering::Relaxed);
    hook_exit();
}

/// Has `exiting` called at the exit of this process and of those forked from it.
fn hook_exit() {
    static HOOKED: AtomicBool = AtomicBool::new(false);
    // Relaxed: only whether the hook is registered, and the C library has a lock of its own.
    if !HOOKED.swap(true, Ordering::Relaxed) {
        sys::on_exit(exiting);
    }
}

/// Reports and exits.
fn finish(report: Report) -> ! {
    let code = report.exit_code();
    let sent = send(report);
    // `exit` flushes what std and C have buffered and runs the hooks.
    std::process::exit(if sent { code } else { EXIT_FAILED })
}

/// Sends the report, if none has been sent; false if it could not be.
fn send(report: Report) -> bool {
    let channel = match CHANNEL.try_lock() {
        Ok(mut channel) => channel.take(),
        Err(TryLockError::Poisoned(channel)) => channel.into_inner().take(),
        Err(TryLockError::WouldBlock) => None,
    };
    let Some(channel) = channel else { return true };
    let Err(error) = channel.send(&report) else { return true };
    // A value that is too much for the system is an error for the one who joins.
    channel.send(&Report::Encode(error.to_string())).is_ok()
}

/// Called at `exit`, with its code: tells of an exit that comes before the function's return.
extern "C" fn exiting(code: c_int, _: *mut c_void) {
    if OWNER.load(Ordering::Relaxed) == sys::own_pid().as_raw_nonzero().get() {
        send(Report::Exited(code));
    }
}

/// Called by the panic hook where a panic is about to abort the process.
fn dying(panic: Panic) {
    send(Report::Panicked(panic));
}

/// Nobody can be told but the people who read standard error.
fn fail(why: &str) -> ! {
    eprintln!("{} (process {})", why, std::process::id());
    sys::leave(EXIT_FAILED)
}
