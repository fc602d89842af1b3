//! What the threads have a pool do: calls in all the ways there are.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use ::pool::{Call, Executor, Handle, Pool, Retry, Running, TaskError};

use super::account::CALLS;
use super::deed::{Answer, Deed, Order, byte, obey, obey_and_drop, ordered_by};
use super::verdict::{Case, Judge, Sum};
use crate::dice::Dice;

/// Nothing takes longer, unless it hangs.
pub(crate) const HANG: Duration = Duration::from_secs(20);

/// The most calls that are waited for at once, one by one and as one job.
const SINGLES: u64 = 40;
const MANY: u64 = 2_000;

/// A call with a timeout takes up to twice as long.
const TIMEOUT: Duration = Duration::from_millis(4);

type Outcome = Result<Answer, TaskError>;

/// What all threads of a round have.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) pool: Pool,
    pub(crate) judge: Judge,
    pub(crate) is_over: AtomicBool,
    /// Whether calls of a task are all made by one worker, unless that dies.
    pub(crate) keeps_chunks: bool,
    next: AtomicU32,
}

/// One of the threads.
#[derive(Debug)]
pub(crate) struct Client {
    scene: Arc<Scene>,
    dice: Dice,
}

/// What is asked for a call besides.
#[derive(Debug, Clone, Copy, Default)]
struct Wish {
    priority: i32,
    soft_timeout: Option<Duration>,
    timeout: Option<Duration>,
    retry: Retry,
}

impl Scene {
    pub(crate) fn new(pool: Pool, judge: Judge, keeps_chunks: bool) -> Scene {
        let (is_over, next) = (AtomicBool::new(false), AtomicU32::new(0));
        Scene { pool, judge, is_over, keeps_chunks, next }
    }

    /// The numbers of so many new calls; after the last ones, the round is over.
    fn numbers(&self, calls: u32) -> Range<u32> {
        let first = self.next.fetch_add(calls, SeqCst);
        // The threads finish what they are in.
        if u64::from(first) + 16 * MANY > u64::from(CALLS) {
            self.is_over.store(true, Relaxed);
        }
        first..first + calls
    }
}

impl Client {
    pub(crate) fn new(scene: Arc<Scene>, seed: u64) -> Client {
        Client { scene, dice: Dice::new(seed) }
    }

    /// Has calls made until the round is over.
    pub(crate) fn work(mut self) -> Result<(), String> {
        while !self.scene.is_over.load(Relaxed) {
            match self.dice.below(10) {
                0..=3 => self.singles()?,
                4 => self.apply()?,
                5 => self.map()?,
                6 => self.map_async()?,
                7 => self.imap()?,
                8 => self.imap_unordered()?,
                _ => self.callbacks()?,
            }
        }
        Ok(())
    }

    fn apply(&mut self) -> Result<(), String> {
        let (order, case, wish) = self.special()?;
        let scene = self.scene.clone();
        scene.judge.judge(&case, dress(scene.pool.call(obey), wish).apply((order,)))
    }

    /// Calls with handles, some of which are cancelled, in no order.
    fn singles(&mut self) -> Result<(), String> {
        let mut handles = Vec::new();
        for _ in 0..=self.dice.below(SINGLES) {
            handles.push(self.submit()?);
        }
        while !handles.is_empty() {
            let index = self.dice.below(handles.len() as u64) as usize;
            let (mut case, mut handle) = handles.swap_remove(index);
            if self.dice.below(20) == 0 {
                case.may_be_cancelled = true;
                handle.cancel_with(match self.dice.below(3) {
                    0 => Running::Kill,
                    1 => Running::Ask,
                    _ => Running::Leave,
                });
            }
            finish(&self.scene.judge, &case, &mut handle)?;
        }
        Ok(())
    }

    /// One call, by one of several functions.
    pub(crate) fn submit(&mut self) -> Result<(Case, Handle<Answer>), String> {
        let (order, case, wish) = self.special()?;
        let pool = &self.scene.pool;
        let handle = match self.dice.below(4) {
            0 => {
                let extra = vec![byte(order.call); length(&mut self.dice)];
                dress(pool.call(obey_and_drop), wish).submit((order, extra))
            }
            1 => dress(pool.call(|order: Order| obey(order)), wish).submit((order,)),
            _ => dress(pool.call(obey), wish).submit((order,)),
        };
        Ok((case, handle))
    }

    fn callbacks(&mut self) -> Result<(), String> {
        let mut handles = Vec::new();
        for _ in 0..=self.dice.below(SINGLES) {
            let (case, handle) = self.submit()?;
            handles.push((case, handle.then(|result: Outcome| result)));
        }
        for (case, mut handle) in handles {
            let result = handle.get_timeout(HANG).ok_or_else(|| hang(&case))?;
            self.scene.judge.judge(&case, result.map_err(|error| error.to_string())?)?;
        }
        Ok(())
    }

    fn map(&mut self) -> Result<(), String> {
        let (orders, cases) = self.job()?;
        let scene = self.scene.clone();
        let mut call = scene.pool.call(obey);
        if self.dice.below(2) == 0 {
            call = call.chunk_size(1 + self.dice.below(50) as usize);
        }
        let results = call.map_each(orders).map_err(|error| error.to_string())?;
        self.judge_all(&cases, results)
    }

    /// A job, which may be cancelled on its way.
    fn map_async(&mut self) -> Result<(), String> {
        let (orders, mut cases) = self.job()?;
        let chunk = 1 << self.dice.below(7);
        let handle = self.scene.pool.call(obey).chunk_size(chunk).map_async(orders);
        if self.dice.below(4) == 0 {
            handle.wait_timeout(self.dice.time(Duration::from_millis(5)));
            handle.cancel();
            cases.iter_mut().for_each(|case| case.may_be_cancelled = true);
        }
        if !handle.wait_timeout(HANG) {
            return Err(format!("HANG: {:?} has not ended: {:?}", handle, handle.progress()));
        }
        self.judge_all(&cases, handle.get_each())?;
        if self.scene.keeps_chunks {
            self.count_redelivered(&cases, chunk);
        }
        Ok(())
    }

    fn imap(&mut self) -> Result<(), String> {
        let (orders, cases) = self.job()?;
        let scene = self.scene.clone();
        let (chunk, stop) = (1 + self.dice.below(20) as usize, self.stop(cases.len()));
        let mut values = scene.pool.call(obey).chunk_size(chunk).imap(orders);
        for case in &cases[..stop] {
            let result = values.next_timeout(HANG).ok_or("an imap has ended too early")?;
            scene.judge.judge(case, result.ok_or_else(|| hang(case))?)?;
        }
        if stop == cases.len() && values.next().is_some() {
            return Err("an imap has more values than calls".to_owned());
        }
        drop(values);
        cases[stop..].iter().try_for_each(|case| scene.judge.judge_unseen(case.due.call))
    }

    /// Values that come in any order, each of which says which call it is of.
    fn imap_unordered(&mut self) -> Result<(), String> {
        let (orders, cases) = self.job()?;
        let scene = self.scene.clone();
        let (first, stop) = (cases[0].due.call, self.stop(cases.len()));
        let mut waited: Vec<Option<&Case>> = cases.iter().map(Some).collect();
        let mut values = scene.pool.call(obey).imap_unordered(orders);
        for _ in 0..stop {
            let result = values.next_timeout(HANG).ok_or("an imap has ended too early")?;
            let result = result.ok_or_else(|| "HANG: an imap without order".to_owned())?;
            let index = index(first, &result).and_then(|index| waited.get_mut(index));
            let case =
                index.and_then(Option::take).ok_or_else(|| format!("whose is {result:?}?"))?;
            scene.judge.judge(case, result)?;
        }
        if stop == cases.len() && values.next().is_some() {
            return Err("an imap has more values than calls".to_owned());
        }
        drop(values);
        let unseen = waited.iter().flatten();
        unseen.into_iter().try_for_each(|case| scene.judge.judge_unseen(case.due.call))
    }

    /// Where an iterator is dropped that has so many values.
    fn stop(&mut self, count: usize) -> usize {
        if self.dice.below(4) == 0 { self.dice.below(count as u64) as usize } else { count }
    }

    fn judge_all(&self, cases: &[Case], results: Vec<Outcome>) -> Result<(), String> {
        if results.len() != cases.len() {
            return Err(format!("{} outcomes of {} calls", results.len(), cases.len()));
        }
        let mut both = cases.iter().zip(results);
        both.try_for_each(|(case, result)| self.scene.judge.judge(case, result))
    }

    /// Counts the calls that another worker made than the one that began their chunk.
    fn count_redelivered(&self, cases: &[Case], chunk: usize) {
        let account = &self.scene.judge.account;
        let process = |case: &&Case| account.process(case.due.call);
        let moved = |chunk: &[Case]| {
            let begun = chunk.iter().filter(|case| account.begun(case.due.call) > 0);
            let processes: Vec<u32> = begun.map(|case| process(&case)).collect();
            processes.iter().filter(|process| **process != processes[0]).count() as u64
        };
        let redelivered = cases.chunks(chunk).map(moved).sum();
        self.scene.judge.add(&Sum { redelivered, ..Sum::default() });
    }

    /// The calls of a job, of which nothing special is asked.
    fn job(&mut self) -> Result<(Vec<Order>, Vec<Case>), String> {
        let most = if self.dice.below(4) == 0 { MANY } else { MANY / 20 };
        let (mut orders, mut cases) = (Vec::new(), Vec::new());
        let numbers = self.scene.numbers(1 + self.dice.below(most) as u32);
        for (index, number) in numbers.enumerate() {
            let deed = self.deed(most);
            let order = self.order(number, deed)?;
            cases.push(Case::new(&order, index as u64));
            orders.push(order);
        }
        Ok((orders, cases))
    }

    /// A single call, of which something special is asked now and then.
    fn special(&mut self) -> Result<(Order, Case, Wish), String> {
        let priority = if self.dice.below(8) == 0 { self.dice.below(3) as i32 - 1 } else { 0 };
        let mut wish = Wish { priority, ..Wish::default() };
        let (mut again, mut deed) = (0, self.deed(SINGLES));
        match self.dice.below(20) {
            0 => {
                wish.timeout = Some(TIMEOUT);
                deed = Deed::Sleep(self.dice.time(2 * TIMEOUT));
            }
            1 => {
                wish.soft_timeout = Some(TIMEOUT);
                deed = Deed::Heed(self.dice.time(10 * TIMEOUT));
            }
            2 => (wish.retry, again) = (Retry::on_death(2), 2),
            3 => (wish.retry, again, deed) = (Retry::on_panic(2), 2, Deed::PanicOnce),
            4 => {
                wish.timeout = Some(TIMEOUT);
                (wish.retry, again) = (Retry::on_timeout(1).and_on_death(), 1);
                deed = Deed::Sleep(self.dice.time(2 * TIMEOUT));
            }
            _ => {}
        }
        let order = self.order(self.scene.numbers(1).start, deed)?;
        let may_time_out = wish.timeout.is_some();
        let case = Case { again, may_time_out, ..Case::new(&order, 0) };
        Ok((order, case, wish))
    }

    /// In a job of `most` calls hardly any takes long.
    fn deed(&mut self, most: u64) -> Deed {
        let time = |dice: &mut Dice, microseconds| dice.time(Duration::from_micros(microseconds));
        match self.dice.below(10 + most) {
            0 => Deed::Sleep(time(&mut self.dice, 3_000)),
            1 => Deed::Heed(time(&mut self.dice, 3_000)),
            2 => Deed::Panic,
            3..=9 => Deed::Spin(time(&mut self.dice, 200)),
            _ => Deed::Nothing,
        }
    }

    fn order(&mut self, number: u32, deed: Deed) -> Result<Order, String> {
        let order = Order::new(number, deed).with_load(length(&mut self.dice));
        let order = Order { reply: length(&mut self.dice) as u32, ..order };
        if self.dice.below(200) == 0 { order.with_file() } else { Ok(order) }
    }
}

/// Waits for what a call comes to.
pub(crate) fn finish(
    judge: &Judge,
    case: &Case,
    handle: &mut Handle<Answer>,
) -> Result<(), String> {
    let result = handle.get_timeout(HANG).ok_or_else(|| hang(case))?;
    judge.judge(case, result)
}

fn dress<'p, F: Copy + 'static>(call: Call<'p, Pool, F>, wish: Wish) -> Call<'p, Pool, F> {
    let call = call.priority(wish.priority).retry(wish.retry);
    let call = wish.timeout.into_iter().fold(call, Call::timeout);
    wish.soft_timeout.into_iter().fold(call, Call::soft_timeout)
}

/// Mostly short; some fill the rings quickly, and some are too long for them.
fn length(dice: &mut Dice) -> usize {
    let longest = match dice.below(400) {
        0 => 300_000,
        1..=3 => 40_000,
        4..=23 => 4_000,
        _ => 64,
    };
    dice.below(longest) as usize
}

/// Which call of its job an outcome is of.
fn index(first: u32, result: &Outcome) -> Option<usize> {
    match result {
        Ok(answer) => answer.call.checked_sub(first).map(|index| index as usize),
        Err(TaskError::WorkerDied(died)) => usize::try_from(died.index).ok(),
        Err(TaskError::Panicked { message, .. }) => {
            ordered_by(message)?.checked_sub(first).map(|index| index as usize)
        }
        Err(_) => None,
    }
}

fn hang(case: &Case) -> String {
    format!("HANG: nothing comes of {case:?}")
}
