//! Signals that interrupt a call do not show.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ipc_pipe::{pipe, wait};

use crate::child;

static HANDLED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn interrupted_calls_go_on() {
    child::run_alone("signals::interrupted");
}

#[test]
#[ignore = "the child of another test"]
fn interrupted() {
    if !child::is_child() {
        return;
    }
    handle_without_restart();
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    under_signals(move |slowly| {
        let reader = std::thread::spawn(move || {
            slowly();
            receiver.recv_bytes().map(|bytes| bytes.len()).unwrap()
        });
        sender.send_bytes(&vec![0; 8 << 20]).unwrap();
        assert_eq!(reader.join().unwrap(), 8 << 20);
    });
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    under_signals(move |slowly| {
        let writer = std::thread::spawn(move || {
            for _ in 0..3 {
                slowly();
                sender.send_bytes(b"late").unwrap();
            }
        });
        assert_eq!(wait(&[&receiver], None).unwrap(), [0]);
        for _ in 0..3 {
            assert_eq!(receiver.recv_bytes_timeout(Duration::from_secs(60)).unwrap(), b"late");
        }
        writer.join().unwrap();
    });
    let (mut receiver, mut sender) = pipe::<()>().unwrap();
    under_signals(move |slowly| {
        let writer = std::thread::spawn(move || {
            slowly();
            sender.send_bytes(b"late").unwrap();
        });
        assert_eq!(receiver.recv_bytes().unwrap(), b"late");
        writer.join().unwrap();
    });
}

/// Waits until this thread's peer has been interrupted several times more.
fn several_signals_later() {
    let goal = HANDLED.load(Ordering::SeqCst) + 5;
    while HANDLED.load(Ordering::SeqCst) < goal {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs `body` while SIGUSR1 hails on this thread.
pub(crate) fn under_signals(body: impl FnOnce(fn())) {
    let over = AtomicBool::new(false);
    // SAFETY: asks for this thread's own identity, which always exists.
    let thread = unsafe { libc::pthread_self() };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                // SAFETY: the thread is in this scope until the hail is over.
                unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let _stop = Stop(&over);
        body(several_signals_later);
    });
}

/// Ends the hail however the body ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Without SA_RESTART every blocking call returns EINTR.
pub(crate) fn handle_without_restart() {
    extern "C" fn count(_: libc::c_int) {
        HANDLED.fetch_add(1, Ordering::SeqCst);
    }
    // SAFETY: all zeros is a valid sigaction: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler only adds to an atomic, which a signal handler may.
    let result = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}
