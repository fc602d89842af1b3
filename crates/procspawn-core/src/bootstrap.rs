//! What a child is told, and when: the protocol between a parent and a child that starts.
//!
//! Parent and child share one socket that keeps packets whole ([`Packets`]). For an executed child
//! it is standard input, the one descriptor that an exec needs no preparation for: no descriptor of
//! the parent is ever inheritable, so none leaks into a sibling started at the same moment.
//!
//! | step | if the parent dies here | if the child dies here |
//! |---|---|---|
//! | 1 the parent sends the [`Bootstrap`] into a new socket pair | nothing has started | – |
//! | 2 it executes the child, its stdin the other end | the child runs; a daemon leaves at 4 | A |
//! | 3 the child takes the message; `/dev/null` becomes stdin | the same | A |
//! | 4 a daemon ties itself to its parent's lifeline | it leaves, or is killed | A |
//! | 5 it decodes the arguments and runs the function | a daemon is killed | A |
//! | 6 it sends one [`Report`](crate::outcome::Report) | a report without reader is lost | A or B |
//! | 7 it exits | the same | B |
//!
//! A: the socket has ended without a report, and `join` tells the signal or the code.
//! B: `join` has the report, which is there as a whole or not at all.
//!
//! With a fork server, steps 1 and 2 are others. The server is asked for a child ahead of its use:
//!
//! | step | if the parent dies here | if the server dies here |
//! |---|---|---|
//! | a the server makes the pair and forks; the child waits at its end | C | C |
//! | b it sends the parent pid, descriptor and the other end | C | the parent has it, or asks anew |
//! | c the parent sends the bootstrap, and asks for the next | from step 3 on | D |
//!
//! C: the child sees the end of its socket and leaves; the lifeline kills the server with its parent.
//! D: the child runs; how it ended is known only if it reports.
//!
//! A child that is killed while it waits has run nothing, which the parent learns when it sends the
//! bootstrap, and takes another. So a function runs once or not at all.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use ipc_pipe::{AuthKey, Handle, Message, Packets};
use serde::{Deserialize, Serialize};

use crate::authkey::{authkey, set_authkey};
use crate::current::{self, About, ParentInfo};
use crate::entry::EntryRef;
use crate::error::StartError;
use crate::method::set_start_method;
use crate::{lifeline, run, sys};

/// Everything a child needs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bootstrap<R = Role> {
    pub(crate) about: About,
    pub(crate) parent: ParentInfo,
    /// The pipe that a daemon, and every descendant of a daemon, hangs on.
    pub(crate) lifeline: Option<Handle>,
    pub(crate) authkey: AuthKey,
    pub(crate) role: R,
}

/// What the child is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Run a function.
    Run { entry: EntryRef, args: Message },
    /// Fork on request, after calling these functions.
    Serve { preload: Vec<EntryRef> },
}

impl<R> Bootstrap<R> {
    pub(crate) fn new(about: About, role: R) -> io::Result<Self> {
        let ends_with_parent = about.daemon || lifeline::is_hanging();
        let lifeline = if ends_with_parent { Some(Handle(lifeline::reader()?)) } else { None };
        Ok(Bootstrap { about, parent: current::as_parent()?, lifeline, authkey: authkey()?, role })
    }

    /// Becomes the process described, in the child: steps 4 and 5.
    pub(crate) fn adopt(self) -> io::Result<R> {
        if let Some(Handle(reader)) = self.lifeline {
            lifeline::hang_on(reader)?;
        }
        set_authkey(self.authkey);
        set_start_method(self.about.method);
        current::become_child(self.about, self.parent);
        Ok(self.role)
    }
}

/// True once [`init`] has run.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

/// Makes this program able to start processes: to be called first thing in `main`.
///
/// A child is this same program, executed again. In a child, `init` runs the child's function and
/// never returns; in any other process it does next to nothing. What stands before it in `main`
/// runs in every child too.
///
/// Without it, starting a process is the error [`StartError::NotInitialized`].
///
/// # Examples
///
/// ```
/// use procspawn_core::Process;
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     procspawn_core::init();
///
///     let process = Process::new(|x: u32| x + 1, (41,)).start()?;
///     assert_eq!(process.join()?, 42);
///     Ok(())
/// }
/// ```
pub fn init() {
    // Relaxed: the flag guards no data.
    if INITIALIZED.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Some(channel) = Packets::waiting_at(sys::stdin()).transpose() {
        run::from_stdin(channel);
    }
}

/// [`init`] before `main` and before the start-up of std, of which it does what matters to a child:
/// see [`test_binary!`](crate::test_binary).
#[doc(hidden)]
pub extern "C" fn init_before_main() {
    sys::ignore_broken_pipes();
    sys::open_missing_streams();
    init();
}

/// Fails unless [`init`] has run.
pub(crate) fn require_init() -> Result<(), StartError> {
    if INITIALIZED.load(Ordering::Relaxed) { Ok(()) } else { Err(StartError::NotInitialized) }
}

/// Makes a test binary able to start processes: stands once at its root, instead of
/// [`init`] in `main`, which belongs to the test harness there.
///
/// It has [`init`] called before `main`, so that a child runs its function and not the tests. Unit
/// tests (in `src`) and each file in `tests` are binaries of their own.
///
/// # Examples
///
/// ```
/// procspawn_core::test_binary!();
///
/// # /*
/// #[test]
/// # */
/// fn a_child_adds() {
///     let process = procspawn_core::Process::new(|x: u32| x + 1, (41,)).start().unwrap();
///     assert_eq!(process.join().unwrap(), 42);
/// }
/// # fn main() {
/// #     a_child_adds();
/// # }
/// ```
#[macro_export]
macro_rules! test_binary {
    () => {
        const _: () = {
            #[used]
            // SAFETY: the section holds pointers to C functions, which this is.
            #[unsafe(link_section = ".init_array")]
            static INIT: extern "C" fn() = $crate::init_before_main;
        };
    };
}
