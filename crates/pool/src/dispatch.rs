//! Which worker gets which task, and when.

use std::sync::Arc;

use crate::TaskError;
use crate::feeder::Put;
use crate::hired::Hired;
use crate::lane::Lane;
use crate::place::Place;
use crate::state::{Phase, State};
use crate::task::Task;

impl State {
    /// Adds tasks at the end of their lines.
    pub(crate) fn enqueue(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            let priority = task.options.priority;
            match &mut self.priorities {
                None => self.priorities = Some((priority, false)),
                Some((last, several)) => *several |= *last != priority,
            }
            self.backlog.push(priority, task);
        }
        if let Some((_, true)) = self.priorities {
            self.let_overtake();
        }
    }

    /// Takes back from lanes what must let tasks of a higher priority pass.
    fn let_overtake(&mut self) {
        let Some(highest) = self.backlog.priority() else { return };
        for worker in self.places.iter_mut().filter_map(|place| place.worker.as_mut()) {
            let lower = |task: &Task| task.options.priority < highest;
            while let Some(task) = worker.take_back(lower) {
                self.backlog.push_front(task.options.priority, task);
            }
        }
    }

    /// Hands tasks to the workers that have room, those with the fewest first, and wakes them.
    pub(crate) fn dispatch(&mut self) {
        for worker in self.places.iter_mut().filter_map(|place| place.worker.as_mut()) {
            worker.is_stuffed = false;
        }
        while let Some(task) = self.backlog.pop() {
            let Some(index) = self.freest() else {
                self.backlog.push_front(task.options.priority, task);
                break;
            };
            self.hand_over(index, task);
        }
        while self.backlog.is_empty() && self.rebalance() {}
        for worker in self.places.iter_mut().filter_map(|place| place.worker.as_mut()) {
            if std::mem::take(&mut worker.has_news) {
                worker.feeder.lane().wake_worker();
            }
        }
    }

    /// The worker that has the fewest tasks, of those that may have more.
    fn freest(&self) -> Option<usize> {
        let open = self.places.iter().enumerate().filter_map(|(index, place)| {
            let worker = place.worker.as_ref()?;
            let tasks = worker.feeder.tasks();
            let room = self.has_room(worker) && tasks < worker.depth();
            room.then_some((tasks, index))
        });
        open.min().map(|(_, index)| index)
    }

    /// Whether a worker can be handed a task.
    fn has_room(&self, worker: &Hired) -> bool {
        worker.is_open() && !worker.is_stuffed && self.limits.calls_left(worker.calls) > 0
    }

    /// Hands a task, or as many of its calls as the limit leaves, to a worker that has room.
    fn hand_over(&mut self, index: usize, mut task: Task) {
        let Some(worker) = self.places[index].worker.as_mut() else { return };
        let left = self.limits.calls_left(worker.calls);
        if u64::from(task.calls) > left {
            // The limit is less than a count of calls.
            let (now, later) = task.split(left as u32);
            self.backlog.push_front(later.options.priority, later);
            task = now;
        }
        let (calls, timed) = (u64::from(task.calls), task.options.is_timed());
        match worker.feeder.put(task) {
            Put::Done => {
                self.has_timed |= timed;
                worker.has_news = true;
                worker.calls += calls;
                worker.idle_since = None;
            }
            Put::Full(task) => {
                // It may have to pass over what was taken back.
                worker.has_news = true;
                worker.is_stuffed = true;
                self.backlog.push_front(task.options.priority, task);
            }
            Put::Failed(task, error) => {
                task.fail(0, &TaskError::EncodeArguments(error.to_string()));
                self.harvest.touch(&task.job);
            }
        }
    }

    /// Gives a worker that has nothing to do half of what another one has not begun, but not the
    /// task that this one is in or comes to next. Whom it takes from is not idle after it, so it
    /// comes to an end.
    fn rebalance(&mut self) -> bool {
        let idle = |place: &Place| {
            let worker = place.worker.as_ref();
            worker.is_some_and(|worker| worker.feeder.tasks() == 0 && self.has_room(worker))
        };
        let Some(idle) = self.places.iter().position(idle) else { return false };
        let surplus = |place: &Place| place.worker.as_ref().map_or(0, Hired::surplus);
        let busiest = (0..self.places.len()).max_by_key(|index| surplus(&self.places[*index]));
        let Some(busiest) = busiest else { return false };
        let count = surplus(&self.places[busiest]).div_ceil(2);
        let Some(from) = self.places[busiest].worker.as_mut() else { return false };
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(task) = from.take_back(|_| true)
        {
            taken.push(task);
        }
        let moved = !taken.is_empty();
        // The first of them may be as many calls as the limit leaves.
        while self.places[idle].worker.as_ref().is_some_and(|worker| self.has_room(worker))
            && let Some(task) = taken.pop()
        {
            self.hand_over(idle, task);
        }
        for task in taken {
            self.backlog.push_front(task.options.priority, task);
        }
        moved
    }

    /// Whether somebody else than the supervisor has left it something to do: it keeps the time,
    /// and starts and dismisses workers.
    pub(crate) fn needs_supervisor(&self) -> bool {
        self.has_timed
            || self.limits.are_set()
            || !matches!(self.phase, Phase::Open)
            || self.lacks_workers()
            || self.is_stuffed()
            || self.workers().any(|worker| worker.leaving && !worker.told)
    }

    /// The lanes of all workers. Whoever has them lets go of them soon, as they may be of workers
    /// that have gone.
    pub(crate) fn lanes(&mut self) -> Arc<[Lane]> {
        let State { places, lanes, .. } = self;
        let workers = places.iter().filter_map(|place| place.worker.as_ref());
        lanes.get_or_insert_with(|| workers.map(|it| it.feeder.lane().clone()).collect()).clone()
    }

    /// Notes that a worker has come, has become ready or has gone.
    pub(crate) fn change_workers(&mut self) {
        self.generation += 1;
        self.lanes = None;
    }

    /// Whether a worker is to be started.
    pub(crate) fn lacks_workers(&self) -> bool {
        self.places.iter().any(Place::is_vacant) && self.wanted() > 0
    }

    /// How many more workers could be used than there are.
    pub(crate) fn wanted(&self) -> usize {
        let on_demand = match self.phase {
            // Who is let go for want of work is missed only when there is work.
            Phase::Open => self.limits.idle.is_some() && self.is_built,
            Phase::Closed => true,
            Phase::Over(_) => return 0,
        };
        if !on_demand {
            return usize::MAX;
        }
        let waiting = self.backlog.len() + self.workers().map(Hired::surplus).sum::<usize>();
        let coming = self.workers().filter(|worker| worker.start_up.is_none()).count();
        waiting.saturating_sub(coming)
    }

    /// Whether something waits for room in a lane.
    pub(crate) fn is_stuffed(&self) -> bool {
        !self.backlog.is_empty() && self.workers().any(|worker| worker.is_stuffed)
    }

    /// The lanes that have no room for what waits, and up to where they were passed.
    pub(crate) fn stuffed(&self) -> Vec<(Lane, u64)> {
        if !self.is_stuffed() {
            return Vec::new();
        }
        let stuffed = self.workers().filter(|worker| worker.is_stuffed);
        stuffed.map(|it| (it.feeder.lane().clone(), it.feeder.passed())).collect()
    }
}
