//! `workloads.toml`, read and checked.

use serde::Deserialize;

use crate::{Result, contender};

const FILE: &str = include_str!("../workloads.toml");

/// What is measured, by whom, and what is asked of the result.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) unit: String,
    pub(crate) better: Better,
    pub(crate) rounds: usize,
    pub(crate) quick_rounds: usize,
    /// The contender whose median is 1.00 in the column of ratios.
    pub(crate) baseline: String,
    pub(crate) contenders: Vec<String>,
    #[serde(default)]
    pub(crate) bars: Vec<Bar>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Less,
    More,
}

/// What a contender's median must be: as a ratio to another's, or as it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bar {
    pub(crate) contender: String,
    /// The other contender, if it is not the baseline.
    pub(crate) against: Option<String>,
    pub(crate) max: Option<f64>,
    pub(crate) min: Option<f64>,
    /// The least that the median itself must be, in the workload's unit.
    pub(crate) least: Option<f64>,
    /// The most that it may be.
    pub(crate) most: Option<f64>,
}

/// What a bar is set against that asks to be as good as whichever of the other contenders is best.
pub(crate) const BEST: &str = "the best of the others";

#[derive(Deserialize)]
struct File {
    workload: Vec<Workload>,
}

/// Every workload, in the file's order.
pub(crate) fn all() -> Result<Vec<Workload>> {
    let file: File = toml::from_str(FILE).map_err(|e| format!("benches/workloads.toml: {e}"))?;
    for workload in &file.workload {
        workload.check()?;
    }
    Ok(file.workload)
}

/// The workload called `name`.
pub(crate) fn named(name: &str) -> Result<Workload> {
    let mut all = all()?;
    let names = all.iter().map(|w| w.name.as_str()).collect::<Vec<_>>().join(", ");
    match all.iter().position(|workload| workload.name == name) {
        Some(at) => Ok(all.swap_remove(at)),
        None => Err(format!("no workload `{name}`; there are: {names}").into()),
    }
}

impl Workload {
    fn check(&self) -> Result {
        for name in &self.contenders {
            contender::find(&self.name, name)?;
        }
        let bars = self.bars.iter();
        let named = bars.flat_map(|bar| bar.against.iter().chain([&bar.contender]));
        let named = named.filter(|name| *name != BEST);
        for name in named.chain([&self.baseline]) {
            if !self.contenders.contains(name) {
                let file = "benches/workloads.toml";
                return Err(format!("{file}: `{name}` is no contender of `{}`", self.name).into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_in_the_file_exists() {
        let workloads = super::all().expect("workloads.toml names contenders that exist");
        assert!(workloads.iter().any(|workload| workload.name == "fib"));
    }

    #[test]
    fn an_unknown_workload_is_an_error_that_names_the_others() {
        let error = super::named("nothing").expect_err("there is none");
        assert!(error.to_string().contains("fib"));
    }
}
