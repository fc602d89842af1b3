//! Catches a panic together with what the panic hook was told about it.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use serde::{Deserialize, Serialize};

/// What a panic said.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Panic {
    /// Its message.
    pub message: String,
    /// Where it happened, as `file:line:column`.
    pub location: String,
    /// The backtrace, if `RUST_BACKTRACE` asks for it.
    pub backtrace: Option<String>,
}

thread_local! {
    /// The last panic of this thread within [`catch`]; `None` outside.
    static CAUGHT: RefCell<Option<Option<Panic>>> = const { RefCell::new(None) };
}

/// Runs `body` and turns a panic into a value. The usual message is printed all the same.
///
/// Where panics abort, `dying` is called with the panic before the process ends.
pub(crate) fn catch<R>(body: impl FnOnce() -> R, dying: fn(Panic)) -> Result<R, Panic> {
    install_hook(dying);
    let outer = CAUGHT.replace(Some(None));
    let result = catch_unwind(AssertUnwindSafe(body));
    // One may run within another, whose panic, if any, is still to come.
    let caught = CAUGHT.replace(outer).flatten();
    result.map_err(|payload| caught.unwrap_or_else(|| without_hook(&*payload)))
}

/// Puts a hook before the one that is there, which notes panics of threads that are within
/// [`catch`].
pub(crate) fn install_hook(dying: fn(Panic)) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            previous(info);
            let within = CAUGHT.with_borrow(Option::is_some);
            if within && cfg!(panic = "abort") {
                dying(describe(info));
            } else if within {
                CAUGHT.set(Some(Some(describe(info))));
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> Panic {
    let backtrace = Backtrace::capture();
    let captured = backtrace.status() == BacktraceStatus::Captured;
    Panic {
        message: text_of(info.payload()),
        location: info.location().map_or_else(|| "unknown place".into(), ToString::to_string),
        backtrace: captured.then(|| backtrace.to_string()),
    }
}

/// A panic that went past the hook, as `resume_unwind` does.
fn without_hook(payload: &(dyn Any + Send)) -> Panic {
    Panic { message: text_of(payload), location: "unknown place".into(), backtrace: None }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is not text").to_string()
}
