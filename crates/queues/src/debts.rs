//! The queues to which a thread owes items: they stay mapped until it does not, or ends.
//!
//! A thread that owes something holds a lock in the queue's memory for as long. The kernel looks there
//! when the thread ends, and the list of its locks leads through there whenever another is given back;
//! so the memory must not go before the lock.

use std::cell::RefCell;
use std::sync::Arc;

use crate::end::Shared;

thread_local! {
    static DEBTS: Debts = const { Debts(RefCell::new(Vec::new())) };
}

struct Debts(RefCell<Vec<Arc<Shared>>>);

/// The thread ends. The kernel would give back the locks, but comes after us.
impl Drop for Debts {
    fn drop(&mut self) {
        self.0.take().iter().for_each(give_back);
    }
}

/// This thread owes something from now on.
pub(crate) fn remember(shared: &Arc<Shared>) {
    // In a thread whose locals are gone, what it owes stays mapped for good.
    let remembered = DEBTS.try_with(|debts| debts.0.borrow_mut().push(shared.clone()));
    if remembered.is_err() {
        std::mem::forget(shared.clone());
    }
}

/// This thread owes nothing any more.
pub(crate) fn forget(shared: &Arc<Shared>) {
    let taken = DEBTS.try_with(|debts| {
        let mut debts = debts.0.borrow_mut();
        let at = debts.iter().position(|other| Arc::ptr_eq(other, shared))?;
        Some(debts.swap_remove(at))
    });
    drop(taken);
}

/// What this thread owes will not be done, as if it had died.
pub(crate) fn abandon(shared: &Arc<Shared>) {
    if shared.ring.shape().counts_tasks != 0 {
        give_back(shared);
        forget(shared);
    }
}

fn give_back(shared: &Arc<Shared>) {
    if let Some(own) = shared.control().takes.own_debt() {
        own.free_own();
        shared.control().joined.wake(u32::MAX);
    }
}
