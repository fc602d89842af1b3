//! Attempts: how many there are when workers die, and that none is lost or made twice.

use std::time::Duration;

use pool::{Executor, Retry, with_state};
use procspawn_core::StartMethod;

use crate::host::{Tally, builder, death, each_method, kill_own, one_method, own_pid, pool_of};
use crate::support::{Gate, fail};

each_method! {
    a_death_is_tried_again_as_often_as_said,
}

one_method! {
    deaths_panics_and_timeouts_share_one_count,
    each_call_of_a_chunk_has_its_attempts,
    a_closed_pool_still_tries_again,
    a_panic_that_is_tried_again_is_not_lost_with_its_worker,
    terminate_ends_attempts,
}

/// Ends its worker in its first `times` attempts.
fn die_before(times: u64, number: usize, tally: Tally) -> u32 {
    if tally.add(number) < times {
        kill_own();
    }
    own_pid()
}

fn a_death_is_tried_again_as_often_as_said(method: StartMethod) {
    let pool = pool_of(method, 2);
    for times in 0..3_u32 {
        let tally = Tally::new(2);
        let call = pool.call(die_before).retry(Retry::on_death(times));
        let pid = call.apply((times.into(), 0, tally.clone())).unwrap();
        assert!(pid != 0 && tally.get(0) == u64::from(times) + 1);
        let died = death(call.apply((100, 1, tally.clone())));
        assert_eq!(died.status.signal(), Some(9));
        assert_eq!(tally.get(1), u64::from(times) + 1);
    }
}

fn deaths_panics_and_timeouts_share_one_count(method: StartMethod) {
    let pool = pool_of(method, 2);
    let tally = Tally::new(2);
    let task = |number: usize, tally: Tally, gate: Gate| match tally.add(number) {
        0 => kill_own(),
        1 => fail(),
        2 => drop(gate.stay()),
        _ => {}
    };
    let limit = Duration::from_secs(2);
    let all = Retry::on_death(3).and_on_panic().and_on_timeout();
    let call = pool.call(task).timeout(limit).retry(all);
    call.apply((0, tally.clone(), Gate::new())).unwrap();
    assert_eq!(tally.get(0), 4);
    let few = Retry::on_death(2).and_on_panic().and_on_timeout();
    let result = pool.call(task).timeout(limit).retry(few).apply((1, tally.clone(), Gate::new()));
    assert!(result.unwrap_err().is_timed_out());
    assert_eq!(tally.get(1), 3);
}

fn each_call_of_a_chunk_has_its_attempts(method: StartMethod) {
    let tally = Tally::new(12);
    let keep = |tally: Tally| tally;
    let pool = builder(method, 2).initializer(keep, (tally.clone(),)).build().unwrap();
    let die = |n: usize| {
        let tally = with_state(|tally: &mut Tally| tally.clone()).unwrap();
        die_before(n as u64 % 4, n, tally)
    };
    let call = pool.call(die).chunk_size(6).retry(Retry::on_death(2));
    for (n, result) in call.map_each(0..12).unwrap().into_iter().enumerate() {
        assert_eq!(result.is_ok(), n % 4 < 3, "{n}");
        assert_eq!(tally.get(n), (n as u64 % 4 + 1).min(3), "{n}");
    }
}

fn a_closed_pool_still_tries_again(method: StartMethod) {
    for _ in 0..5 {
        let pool = pool_of(method, 1);
        let tally = Tally::new(1);
        let call = pool.call(die_before).retry(Retry::on_death(3));
        let handle = call.submit((3, 0, tally.clone()));
        pool.close();
        pool.join();
        handle.get().unwrap();
        assert_eq!(tally.get(0), 4);
    }
}

fn a_panic_that_is_tried_again_is_not_lost_with_its_worker(method: StartMethod) {
    let panic_once = |number: usize, tally: Tally| {
        assert!(tally.add(number) > 0, "once");
        own_pid()
    };
    for _ in 0..20 {
        let pool = pool_of(method, 1);
        let tally = Tally::new(1);
        // Both go to one worker, which writes of the panic and then dies.
        let again = pool.call(panic_once).retry(Retry::on_panic(1)).submit((0, tally.clone()));
        let fatal = pool.submit(kill_own, ());
        pool.close();
        again.get().unwrap();
        assert!(fatal.get().unwrap_err().is_worker_died());
        pool.join();
        assert_eq!(tally.get(0), 2);
    }
}

fn terminate_ends_attempts(method: StartMethod) {
    let pool = pool_of(method, 2);
    let retry = Retry::on_panic(u32::MAX).and_on_death();
    let panics: Vec<_> = (0..10).map(|_| pool.call(fail).retry(retry).submit(())).collect();
    let deaths: Vec<_> = (0..2).map(|_| pool.call(kill_own).retry(retry).submit(())).collect();
    while pool.stats().deaths < 2 {
        std::thread::yield_now();
    }
    pool.terminate();
    pool.join();
    for handle in panics.into_iter().chain(deaths) {
        assert!(matches!(handle.get(), Err(pool::TaskError::Terminated)));
    }
}
