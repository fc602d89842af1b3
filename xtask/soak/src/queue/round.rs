//! One round: a queue, workers, and a supervisor that kills them.

use std::rc::Rc;
use std::time::{Duration, Instant};

use procspawn_core::{JoinError, JoinHandle, Process, StartMethod};
use queues::Queue;

use super::account::{Account, LIVES, Sum};
use super::workers::{self, Scene, Taking};
use crate::dice::Dice;

/// What Linux numbers the signal with which workers are killed.
const SIGKILL: i32 = 9;

/// How long a round lasts.
const ROUND: Duration = Duration::from_secs(4);

/// The longest between two kills.
const PAUSE: Duration = Duration::from_millis(30);

/// Nothing takes longer, unless it hangs.
const HANG: Duration = Duration::from_secs(20);

/// How consumers of a round take items, one kind after the other.
const TAKINGS: [[Taking; 2]; 3] = [
    [Taking::Plain, Taking::Plain],
    [Taking::Leased, Taking::Leased],
    [Taking::Beside, Taking::Leased],
];

/// A worker that lives.
#[derive(Debug)]
struct Worker {
    role: Role,
    process: JoinHandle<Result<(), String>>,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    Producer,
    Consumer(Taking),
}

/// All that a supervisor knows.
struct Round<'a> {
    scene: Rc<Scene>,
    dice: &'a mut Dice,
    workers: Vec<Worker>,
    producers: u32,
    consumers: u32,
    kills: u64,
}

/// Runs one round and accounts for all of its items.
pub(crate) fn run(number: usize, left: Duration, dice: &mut Dice) -> Result<Sum, String> {
    let words = |error: std::io::Error| error.to_string();
    let queue = match number % 4 {
        0 => Queue::bounded(1 + dice.below(64) as usize),
        1 => Queue::bounded_bytes(64 << 10),
        2 => Queue::unbounded(),
        _ => Queue::bounded_bytes(1 << 20),
    };
    let account = Account::new().map_err(|error| error.to_string())?;
    let scene = Rc::new(Scene { queue: queue.map_err(words)?, account });
    let (workers, producers) = (Vec::new(), 0);
    let mut round = Round { scene, dice, workers, producers, consumers: 0, kills: 0 };
    let takings = TAKINGS[number % TAKINGS.len()];
    round.open(takings)?;
    round.kill_for(left.min(ROUND))?;
    round.close()?;
    round
        .scene
        .account
        .settle(round.producers, round.kills)
        .map_err(|error| format!("round {number}, {takings:?}: {error}"))
}

impl Round<'_> {
    /// Two of each, or more if there are processors for them.
    fn open(&mut self, takings: [Taking; 2]) -> Result<(), String> {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        for index in 0..(processors / 2).clamp(2, 8) {
            self.start(Role::Producer)?;
            self.start(Role::Consumer(takings[index % 2]))?;
        }
        Ok(())
    }

    fn start(&mut self, role: Role) -> Result<(), String> {
        let (scene, seed) = (self.scene.clone(), self.dice.next());
        let process = match role {
            Role::Producer => {
                let life = next(&mut self.producers);
                Process::from_closure(move || workers::produce(&scene, life, seed))
            }
            Role::Consumer(taking) => {
                let life = next(&mut self.consumers);
                Process::from_closure(move || workers::consume(&scene, life, taking, seed))
            }
        };
        let process = process.start_method(StartMethod::Fork).start();
        self.workers.push(Worker { role, process: process.map_err(|error| error.to_string())? });
        Ok(())
    }

    /// Kills one after the other, and starts another in its place.
    fn kill_for(&mut self, time: Duration) -> Result<(), String> {
        let (begin, mut last) = (Instant::now(), (0, Instant::now()));
        while begin.elapsed() < time && self.producers.max(self.consumers) + 16 < LIVES {
            std::thread::sleep(self.dice.time(PAUSE));
            self.replace_ended()?;
            let victim = self.dice.below(self.workers.len() as u64) as usize;
            self.kill(victim)?;
            let progress = self.scene.account.progress();
            if progress != last.0 {
                last = (progress, Instant::now());
            } else if last.1.elapsed() > HANG / 4 {
                return Err(format!("HANG: nobody gets on; {:?}", self.scene.queue));
            }
        }
        Ok(())
    }

    fn kill(&mut self, index: usize) -> Result<(), String> {
        let worker = self.workers.swap_remove(index);
        worker.process.child().kill().map_err(|error| error.to_string())?;
        self.kills += u64::from(!reap(worker.process)?);
        self.start(worker.role)
    }

    /// Producers end when they have put their share.
    fn replace_ended(&mut self) -> Result<(), String> {
        for index in (0..self.workers.len()).rev() {
            if !self.workers[index].process.child().is_alive() {
                let worker = self.workers.swap_remove(index);
                reap(worker.process)?;
                self.start(worker.role)?;
            }
        }
        Ok(())
    }

    /// Has the producers end, then the consumers, some of which die on the way.
    fn close(&mut self) -> Result<(), String> {
        self.scene.account.stop();
        let (producers, consumers) = std::mem::take(&mut self.workers)
            .into_iter()
            .partition(|worker| matches!(worker.role, Role::Producer));
        self.workers = producers;
        self.wait_for_all("a producer")?;
        self.workers = consumers;
        self.scene.queue.close();
        self.kill(0)?;
        self.wait_for_all("a consumer")?;
        if self.scene.queue.is_empty() {
            return Ok(());
        }
        Err(format!("closed and drained, and not empty: {:?}", self.scene.queue))
    }

    fn wait_for_all(&mut self, who: &str) -> Result<(), String> {
        while let Some(mut worker) = self.workers.pop() {
            if worker.process.child().wait_timeout(HANG).is_none() {
                let _ = worker.process.child().kill();
                return Err(format!("HANG: {who} does not end; {:?}", self.scene.queue));
            }
            let _ = worker.process.try_join().map(outcome).transpose()?;
        }
        Ok(())
    }
}

/// Leaves nobody behind, also after an error.
impl Drop for Round<'_> {
    fn drop(&mut self) {
        for worker in &self.workers {
            // One that has ended by itself needs no kill.
            let _ = worker.process.child().kill();
            worker.process.child().wait();
        }
    }
}

fn next(count: &mut u32) -> u32 {
    *count += 1;
    *count - 1
}

/// Waits for a worker's end; true if it came to its end by itself, an error if that was a bad one.
fn reap(process: JoinHandle<Result<(), String>>) -> Result<bool, String> {
    outcome(process.join())
}

fn outcome(result: Result<Result<(), String>, JoinError>) -> Result<bool, String> {
    match result {
        Ok(Ok(())) => Ok(true),
        Ok(Err(what)) => Err(what),
        Err(JoinError::Signaled { signal: SIGKILL, .. }) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}
