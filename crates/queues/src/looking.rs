//! What can be seen of a queue without changing it.

use crate::end::End;
use crate::record::units_for;
use crate::takes::OWED;

impl End {
    /// How many items can be taken at this instant.
    pub(crate) fn len(&self) -> usize {
        let control = self.control();
        let head = control.head().unit;
        let returned = control.takes.active().filter(|(_, take)| take.is_returned(head)).count();
        control.queued() as usize + returned
    }

    /// True if a short item has no place at this instant.
    pub(crate) fn is_full(&self) -> bool {
        let (control, ring) = (self.control(), &self.shared.ring);
        if ring.shape().is_bounded_by_items() {
            return control.queued() >= ring.shape().items;
        }
        let (head, tail) = (control.head(), control.tail());
        // Where a drained ring is about to be made shorter, the head is there first.
        let unit = if head.count == tail.count { tail.unit } else { head.unit };
        let freed = control.takes.oldest(unit, tail.unit, ring.shape().cycle);
        !ring.has_place(freed, tail.unit, units_for(1))
    }

    /// How many items are not done: in the queue, leased, or owed by a thread that took them.
    pub(crate) fn unfinished(&self) -> u64 {
        let control = self.control();
        let out = control.takes.active().map(|(_, take)| match take.state() {
            OWED => take.debt(),
            _ => take.leases(),
        });
        u64::from(control.queued()) + out.map(u64::from).sum::<u64>()
    }
}
