//! The table of a workload: aligned on a terminal, and Markdown all the same.

use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::contender::Setting;
use crate::runner::Outcome;
use crate::stats::Summary;
use crate::workload::{BEST, Bar, Better, Workload};

/// Rows of cells; the first row is the head.
type Rows = Vec<Vec<String>>;

/// The results as an aligned Markdown table.
pub(crate) fn table(workload: &Workload, outcomes: &[Outcome]) -> String {
    let unit = &workload.unit;
    let head = [
        workload.name.clone(),
        format!("median {unit}"),
        format!("best {unit}"),
        "spread".into(),
        "ratio".into(),
        "bar".into(),
    ];
    let mut rows = vec![head.to_vec()];
    rows.extend(outcomes.iter().map(|outcome| row(workload, outcomes, outcome)));
    align(&rows)
}

/// Writes the table with what it was measured on to `target/bench/NAME.md`, or `NAME.quick.md`.
pub(crate) fn save(
    workload: &Workload,
    setting: Setting,
    machine: &str,
    table: &str,
) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or("benches lies outside a target folder")?;
    let folder = target.join("bench");
    fs::create_dir_all(&folder)?;
    // A quick look must not take the place of a real result.
    let (rounds, ending) = match setting.quick {
        true => (workload.quick_rounds, "quick.md"),
        false => (workload.rounds, "md"),
    };
    let path = folder.join(format!("{}.{ending}", workload.name));
    let about = format!("# {}\n\n{}\n\n", workload.name, workload.about);
    fs::write(&path, format!("{about}{machine}- rounds: {rounds}, in turn\n\n{table}"))?;
    Ok(path)
}

fn row(workload: &Workload, outcomes: &[Outcome], outcome: &Outcome) -> Vec<String> {
    let mut cells = vec![outcome.contender.clone()];
    match &outcome.summary {
        Err(missing) => {
            cells.extend(["n/a", "", "", ""].map(String::from));
            cells.push(missing.clone());
        }
        Ok(summary) => {
            let best = match workload.better {
                Better::Less => summary.min,
                Better::More => summary.max,
            };
            cells.extend([number(summary.median), number(best)]);
            cells.push(format!("{:.0} %", summary.spread));
            cells.push(ratio_text(ratio(outcomes, summary, &workload.baseline)));
            cells.push(bars(workload, outcomes, outcome, summary));
        }
    }
    cells
}

/// The ratio of the medians, if the other contender could run.
fn ratio(outcomes: &[Outcome], summary: &Summary, other: &str) -> Option<f64> {
    let other = outcomes.iter().find(|outcome| outcome.contender == other)?;
    Some(summary.median / other.summary.as_ref().ok()?.median)
}

fn ratio_text(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "n/a".to_owned(), |ratio| format!("{ratio:.3}"))
}

/// Every bar of a contender, each with its verdict.
fn bars(workload: &Workload, outcomes: &[Outcome], outcome: &Outcome, summary: &Summary) -> String {
    let own = workload.bars.iter().filter(|bar| bar.contender == outcome.contender);
    let verdicts = own.flat_map(|bar| {
        let ratio = match bar.against.as_deref().unwrap_or(&workload.baseline) {
            BEST => best_of_others(workload.better, outcomes, outcome).map(|m| summary.median / m),
            other => ratio(outcomes, summary, other),
        };
        verdicts(bar, ratio).into_iter().chain(amounts(bar, summary.median, &workload.unit))
    });
    verdicts.collect::<Vec<_>>().join("; ")
}

/// The best median of the contenders that are not `outcome`'s.
fn best_of_others(better: Better, outcomes: &[Outcome], outcome: &Outcome) -> Option<f64> {
    let others = outcomes.iter().filter(|other| other.contender != outcome.contender);
    let medians = others.filter_map(|other| other.summary.as_ref().ok()).map(|it| it.median);
    medians.reduce(match better {
        Better::Less => f64::min,
        Better::More => f64::max,
    })
}

fn amounts(bar: &Bar, median: f64, unit: &str) -> impl Iterator<Item = String> {
    let least = bar.least.map(|least| format!("{} ≥ {least} {unit}", word(median >= least)));
    let most = bar.most.map(|most| format!("{} ≤ {most} {unit}", word(median <= most)));
    least.into_iter().chain(most)
}

fn verdicts(bar: &Bar, ratio: Option<f64>) -> Vec<String> {
    let max = bar.max.map(|max| (format!("≤ {max}"), ratio.map(|ratio| ratio <= max)));
    let min = bar.min.map(|min| (format!("≥ {min}"), ratio.map(|ratio| ratio >= min)));
    let against = bar.against.as_ref().map(|name| format!(" × {name} ({})", ratio_text(ratio)));
    let against = against.unwrap_or_default();
    let one = |(limit, kept): (String, Option<bool>)| {
        format!("{} {limit}{against}", kept.map_or("n/a", word))
    };
    max.into_iter().chain(min).map(one).collect()
}

fn word(kept: bool) -> &'static str {
    if kept { "PASS" } else { "MISS" }
}

/// Three or four digits that count.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 1000.0 => 0,
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// Numbers to the right, names and bars to the left.
fn align(rows: &Rows) -> String {
    let columns = rows[0].len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let is_text = |column: usize| column == 0 || column == columns - 1;
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let width = widths[column];
                if is_text(column) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        })
        .collect();
    lines.insert(1, rule(&widths, is_text));
    lines.concat()
}

fn rule(widths: &[usize], is_text: impl Fn(usize) -> bool) -> String {
    let cells = widths.iter().enumerate().map(|(column, width)| {
        let dashes = "-".repeat(width + 1);
        if is_text(column) { format!("-{dashes}") } else { format!("{dashes}:") }
    });
    format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests;
