//! One round: a pool, threads that have it work, and one who kills its workers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ::pool::{Handle, Pool, PoolBuilder};
use procspawn_core::StartMethod;

use super::account::Account;
use super::deed::Answer;
use super::load::{Client, HANG, Scene, finish};
use super::verdict::{Case, Judge, Sum};
use crate::dice::Dice;

/// How long a round lasts.
const ROUND: Duration = Duration::from_secs(4);

/// The longest between two kills.
const PAUSE: Duration = Duration::from_millis(50);

/// How many threads have the pool work.
const CLIENTS: usize = 4;

/// How many calls are on their way when the pool ends, at most.
const LAST: u64 = 300;

/// How a pool ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Terminate,
    Drop,
}

/// Runs one round and accounts for all of its calls.
pub(crate) fn run(number: usize, left: Duration, dice: &mut Dice) -> Result<Sum, String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let account = Account::new().map_err(|error| words(&error))?;
    let builder = Pool::builder()
        .workers(2 + dice.below(4) as usize)
        .payload(account.clone())
        // Workers are killed before they are ready, too.
        .max_start_failures(usize::MAX)
        .start_method([StartMethod::Spawn, StartMethod::ForkServer][number % 2]);
    let (builder, keeps_chunks) = with_limit(number, builder, dice);
    let pool = builder.build().map_err(|error| words(&error))?;
    let scene = Arc::new(Scene::new(pool, Judge::new(account), keeps_chunks));
    let client = |seed| Client::new(scene.clone(), seed);
    let clients: Vec<_> = (0..CLIENTS).map(|_| client(dice.next())).collect();
    let start = |client: Client| std::thread::spawn(move || client.work());
    let threads = clients.into_iter().map(start).collect();
    disturb(&scene, threads, left.min(ROUND), dice)?;
    end(scene, [End::Close, End::Terminate, End::Drop][number % 3], dice)
}

/// Some pools replace workers by themselves; whether those have tasks whole.
fn with_limit(number: usize, builder: PoolBuilder, dice: &mut Dice) -> (PoolBuilder, bool) {
    match number % 4 {
        1 => (builder.max_tasks_per_worker(1 + dice.below(500)), false),
        2 => (builder.idle_timeout(dice.time(Duration::from_millis(20))), true),
        3 => (builder.max_worker_age(Duration::from_millis(1 + dice.below(200))), true),
        _ => (builder, true),
    }
}

/// Kills workers until the time is over, and sees that all get on; then waits for the threads.
fn disturb(
    scene: &Scene,
    threads: Vec<JoinHandle<Result<(), String>>>,
    time: Duration,
    dice: &mut Dice,
) -> Result<(), String> {
    let (begin, mut last) = (Instant::now(), (0, Instant::now()));
    let mut threads = threads;
    while !threads.is_empty() {
        std::thread::sleep(dice.time(PAUSE));
        scene.judge.killer.kill_one(&scene.pool, dice);
        if dice.below(20) == 0 {
            let resized = scene.pool.resize(1 + dice.below(5) as usize);
            resized.map_err(|error| error.to_string())?;
        }
        if begin.elapsed() >= time {
            scene.is_over.store(true, Relaxed);
        }
        while let Some(ended) = threads.iter().position(JoinHandle::is_finished) {
            threads.swap_remove(ended).join().map_err(|_| "a thread has panicked")??;
        }
        let calls = scene.judge.sum().calls;
        if calls != last.0 {
            last = (calls, Instant::now());
        } else if last.1.elapsed() > HANG {
            return Err(format!("HANG: nobody gets on; {:?} {:?}", scene.pool, scene.pool.stats()));
        }
    }
    Ok(())
}

/// Ends the pool while it is at work.
fn end(scene: Arc<Scene>, end: End, dice: &mut Dice) -> Result<Sum, String> {
    let mut client = Client::new(scene.clone(), dice.next());
    let mut calls: Vec<(Case, Handle<Answer>)> = Vec::new();
    for _ in 0..dice.below(LAST) {
        calls.push(client.submit()?);
    }
    drop(client);
    let Scene { pool, judge, .. } = Arc::into_inner(scene).ok_or("a thread has not ended")?;
    std::thread::sleep(dice.time(PAUSE / 10));
    match end {
        End::Close => pool.close(),
        End::Terminate => pool.terminate(),
        End::Drop => {}
    }
    judge.killer.kill_one(&pool, dice);
    if end != End::Drop && !pool.join_timeout(HANG) {
        return Err(format!("HANG: {end:?} does not end {pool:?}: {:?}", pool.stats()));
    }
    drop(pool);
    for (mut case, mut handle) in calls {
        case.may_be_terminated = end != End::Close;
        finish(&judge, &case, &mut handle)?;
    }
    Ok(judge.sum())
}
