//! Tasks that no worker has.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// Waiting things of several priorities; of the same priority, the one that came first goes first.
pub(crate) struct Backlog<T> {
    lines: BTreeMap<Reverse<i32>, VecDeque<T>>,
    len: usize,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Backlog { lines: BTreeMap::new(), len: 0 }
    }
}

impl<T> Backlog<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The highest priority of what waits.
    pub(crate) fn priority(&self) -> Option<i32> {
        self.lines.first_key_value().map(|(Reverse(priority), _)| *priority)
    }

    pub(crate) fn push(&mut self, priority: i32, thing: T) {
        self.lines.entry(Reverse(priority)).or_default().push_back(thing);
        self.len += 1;
    }

    /// Puts a thing before all others of its priority, as it has waited before.
    pub(crate) fn push_front(&mut self, priority: i32, thing: T) {
        self.lines.entry(Reverse(priority)).or_default().push_front(thing);
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let mut line = self.lines.first_entry()?;
        let thing = line.get_mut().pop_front();
        if line.get().is_empty() {
            line.remove();
        }
        self.len -= usize::from(thing.is_some());
        thing
    }

    /// Takes out all things that `choose` agrees to.
    pub(crate) fn take(&mut self, choose: impl Fn(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        for line in self.lines.values_mut() {
            let (out, kept): (Vec<T>, Vec<T>) = line.drain(..).partition(&choose);
            line.extend(kept);
            taken.extend(out);
        }
        self.lines.retain(|_, line| !line.is_empty());
        self.len -= taken.len();
        taken
    }
}
