//! The tasks that wait for a worker, by their priority.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::task::Task;
use crate::sink::Outcomes;

/// Queues of tasks: the highest priority goes first, and within it who came first.
#[derive(Default)]
pub(super) struct Backlog(BTreeMap<Reverse<i32>, VecDeque<Arc<dyn Task>>>);

impl Backlog {
    pub(super) fn push(&mut self, task: Arc<dyn Task>) {
        self.0.entry(Reverse(task.priority())).or_default().push_back(task);
    }

    /// Puts back a task that had its turn before those that wait.
    pub(super) fn push_front(&mut self, task: Arc<dyn Task>) {
        self.0.entry(Reverse(task.priority())).or_default().push_front(task);
    }

    pub(super) fn pop(&mut self) -> Option<Arc<dyn Task>> {
        let mut first = self.0.first_entry()?;
        let task = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        task
    }

    /// Takes out all tasks of a job.
    pub(super) fn remove(&mut self, job: &Arc<dyn Outcomes>) -> Vec<Arc<dyn Task>> {
        let mut removed = Vec::new();
        self.0.retain(|_, queue| {
            if queue.iter().any(|task| task.is_of(job)) {
                let (gone, kept) = queue.drain(..).partition::<Vec<_>, _>(|task| task.is_of(job));
                removed.extend(gone);
                queue.extend(kept);
            }
            !queue.is_empty()
        });
        removed
    }

    /// Takes out all.
    pub(super) fn take(&mut self) -> Vec<Arc<dyn Task>> {
        std::mem::take(&mut self.0).into_values().flatten().collect()
    }
}
