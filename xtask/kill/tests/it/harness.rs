//! Operations of known length and fate: the harness counts, notices and puts back.

use crate::line::{kill, run, run_all};

#[test]
fn every_instruction_is_a_kill_point_and_so_is_the_end() {
    let line = run("harness/two-adds");
    // Two locked additions; how the compiler passes their address is its own affair.
    assert!((2..=60).contains(&line.stops), "{} stops", line.stops);
    assert_eq!((line.kills, line.asleep), (line.stops + 1, 0));
    assert_eq!(line.verdict, "sound");
    assert!(line.succeeded);
}

#[test]
fn a_victim_that_sleeps_is_killed_asleep_and_after_it_is_woken() {
    let (woken, stranded) = (run("harness/sleep"), run("harness/stranded"));
    assert_eq!((woken.asleep, stranded.asleep), (1, 1));
    assert!(woken.stops > stranded.stops, "{} and {}", woken.stops, stranded.stops);
    assert!(woken.succeeded && stranded.succeeded);
}

#[test]
fn a_check_that_hangs_is_a_verdict() {
    let line = run("harness/hang");
    assert!(line.verdict.contains("HANG: the check; stage: +0x4=0x1"), "{}", line.verdict);
    assert!(line.succeeded);
}

#[test]
fn a_check_that_panics_is_a_verdict_with_its_message() {
    let line = run("harness/panic");
    assert!(line.verdict.contains("the count is odd"), "{}", line.verdict);
    assert!(line.succeeded);
}

#[test]
fn a_guest_that_does_not_get_on_is_a_verdict() {
    let line = run("harness/stuck-guest");
    assert!(line.verdict.contains("BeforeTheOperation is stuck"), "{}", line.verdict);
}

#[test]
fn a_second_victim_meets_what_each_death_of_the_first_has_left() {
    let line = run_all("harness/double");
    assert_eq!(line.kills, (line.stops + 1) * (line.stops + 1));
    assert_eq!(line.verdict, "sound");
}

#[test]
fn a_pair_is_stopped_everywhere_and_goes_on_in_both_ways() {
    let line = run_all("harness/pairs");
    assert_eq!(line.kills, 2 * (line.stops + 1) * (line.stops + 1));
    assert_eq!(line.verdict, "sound");
}

#[test]
fn a_control_that_nobody_catches_is_an_error() {
    let line = run("harness/harmless");
    assert_eq!(line.verdict, "NOT CAUGHT");
    assert!(!line.succeeded);
}

#[test]
fn a_lock_whose_owner_dies_is_caught() {
    assert!(run("control/semaphore").verdict.starts_with("caught at"));
    assert!(run("control/ring-push").verdict.starts_with("caught at"));
}

#[test]
fn a_name_that_no_scenario_has_is_an_error() {
    assert!(!kill(&["run", "no such scenario"]).status.success());
    assert!(!kill(&["dance"]).status.success());
}
