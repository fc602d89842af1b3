//! Tests of the table: verdicts, missing contenders, alignment.

use super::*;

fn workload(bar: Bar) -> Workload {
    Workload {
        name: "w".into(),
        about: "a".into(),
        unit: "ms".into(),
        better: Better::Less,
        rounds: 1,
        quick_rounds: 1,
        baseline: "base".into(),
        contenders: vec!["base".into(), "ours".into()],
        bars: vec![bar],
    }
}

fn bar(max: Option<f64>, min: Option<f64>) -> Bar {
    Bar { contender: "ours".into(), against: None, max, min, least: None, most: None }
}

fn outcomes(ours: std::result::Result<f64, &str>) -> Vec<Outcome> {
    let outcome = |name: &str, median: std::result::Result<f64, &str>| Outcome {
        contender: name.into(),
        summary: median.map(|median| Summary::of(vec![median])).map_err(String::from),
    };
    vec![outcome("base", Ok(10.0)), outcome("ours", ours)]
}

#[test]
fn a_bar_is_kept_or_missed() {
    let kept = table(&workload(bar(Some(1.1), None)), &outcomes(Ok(11.0)));
    assert!(kept.contains("1.100 | PASS ≤ 1.1"), "{kept}");
    let missed = table(&workload(bar(None, Some(1.2))), &outcomes(Ok(11.0)));
    assert!(missed.contains("MISS ≥ 1.2"), "{missed}");
}

#[test]
fn a_bar_may_be_set_against_another_than_the_baseline() {
    let bar = Bar { against: Some("base".into()), ..bar(Some(0.5), None) };
    let table = table(&workload(bar), &outcomes(Ok(4.0)));
    assert!(table.contains("PASS ≤ 0.5 × base (0.400)"), "{table}");
}

#[test]
fn a_bar_may_be_an_amount() {
    let least = |least| Bar { least: Some(least), ..bar(None, None) };
    let kept = table(&workload(least(11.0)), &outcomes(Ok(11.0)));
    assert!(kept.contains("PASS ≥ 11 ms"), "{kept}");
    let missed = table(&workload(least(11.5)), &outcomes(Ok(11.0)));
    assert!(missed.contains("MISS ≥ 11.5 ms"), "{missed}");
    let most = Bar { most: Some(10.5), ..bar(None, None) };
    let missed = table(&workload(most), &outcomes(Ok(11.0)));
    assert!(missed.contains("MISS ≤ 10.5 ms"), "{missed}");
}

#[test]
fn a_bar_may_be_set_against_the_best_of_the_others() {
    let bar = Bar { against: Some(BEST.into()), ..bar(Some(1.05), None) };
    let mut outcomes = outcomes(Ok(11.0));
    outcomes.extend(super::tests::outcomes(Ok(10.5)).pop());
    outcomes[2].contender = "third".into();
    let table = table(&workload(bar), &outcomes);
    assert!(table.contains("MISS ≤ 1.05 × the best of the others (1.100)"), "{table}");
}

#[test]
fn a_missing_contender_says_why() {
    let table = table(&workload(bar(Some(1.0), None)), &outcomes(Err("no python3")));
    assert!(table.contains("n/a") && table.contains("no python3"), "{table}");
}

#[test]
fn every_line_is_as_long_as_the_others() {
    let table = table(&workload(bar(Some(1.0), None)), &outcomes(Ok(123_456.0)));
    let mut lengths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
    lengths.dedup();
    assert_eq!(lengths.len(), 1, "{table}");
}
