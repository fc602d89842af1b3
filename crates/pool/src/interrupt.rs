//! A pool that Ctrl-C terminates.
//!
//! The first SIGINT is written to a socket by the handler, which the reactor reads; the second
//! finds a flag set and has its default effect. So nothing but a store and a write runs in a signal
//! handler.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use ipc_pipe::reactor::Watch;
use signal_hook::SigId;
use signal_hook::consts::SIGINT;
use signal_hook::{flag, low_level};

use crate::TaskError;
use crate::inner::Inner;

/// What must be undone when the pool goes.
#[derive(Debug)]
pub(crate) struct Interrupt {
    handlers: Vec<SigId>,
    _receiver: UnixStream,
    _watch: Watch,
}

impl Interrupt {
    /// Terminates the pool at the first Ctrl-C.
    pub(crate) fn terminates(inner: &Arc<Inner>) -> io::Result<Interrupt> {
        let (receiver, sender) = UnixStream::pair()?;
        let terminate = Arc::new(Terminate(Arc::downgrade(inner)));
        let watch = Watch::new(&receiver, &Waker::from(terminate))?;
        let pressed = Arc::new(AtomicBool::new(false));
        // In this order: the second Ctrl-C finds the flag of the first.
        let force = flag::register_conditional_default(SIGINT, pressed.clone())?;
        let note = flag::register(SIGINT, pressed)?;
        let tell = low_level::pipe::register(SIGINT, sender)?;
        Ok(Interrupt { handlers: vec![force, note, tell], _receiver: receiver, _watch: watch })
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        for handler in self.handlers.drain(..) {
            low_level::unregister(handler);
        }
    }
}

struct Terminate(Weak<Inner>);

impl Wake for Terminate {
    fn wake(self: Arc<Self>) {
        if let Some(inner) = self.0.upgrade() {
            inner.end(&TaskError::Interrupted);
        }
    }
}
