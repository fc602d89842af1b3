//! The progress of a job as a bar in the terminal, by `indicatif`.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::ProgressBar;

use crate::Progress;

/// How often the bar is drawn.
const FRAME: Duration = Duration::from_millis(50);

/// Moves a bar while a job runs: what [`Progress::drive`] gives. Dropping it draws the bar for the
/// last time, and lets go of it.
#[must_use = "the bar moves while this lives"]
pub struct Bar {
    /// Dropped to end the thread.
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Has a bar show how many calls are done, until what is returned is dropped.
    ///
    /// How many there are in all is the bar's length, as whoever makes it knows; a bar of no length
    /// gets how many were submitted.
    ///
    /// # Errors
    ///
    /// When no thread can be started for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use indicatif::ProgressBar;
    /// use pool::{Executor, ThreadPool};
    ///
    /// let pool = ThreadPool::new()?;
    /// let squares = pool.map_async(|x: u64| x * x, 0..1000);
    /// let bar = ProgressBar::new(1000);
    /// let moving = squares.progress().drive(bar.clone())?;
    /// squares.get()?;
    /// drop(moving);
    /// assert_eq!(bar.position(), 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drive(&self, bar: ProgressBar) -> std::io::Result<Bar> {
        let (end, ended) = channel::<()>();
        let progress = self.clone();
        let draw = move || {
            while ended.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {
                progress.show(&bar);
            }
            progress.show(&bar);
        };
        let thread = thread::Builder::new().name("progress bar".into()).spawn(draw)?;
        Ok(Bar { end: Some(end), thread: Some(thread) })
    }

    fn show(&self, bar: &ProgressBar) {
        if bar.length().unwrap_or(0) == 0 {
            bar.set_length(self.submitted());
        }
        bar.set_position(self.done());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A bar that panics while it draws has had its word on standard error.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bar").finish_non_exhaustive()
    }
}
