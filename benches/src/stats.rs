//! Numbers of many rounds, summed up: medians, because a busy machine only ever disturbs one way.

/// What is shown of a contender's rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// The distance between the quartiles, in percent of the median.
    pub(crate) spread: f64,
}

impl Summary {
    /// Sums up `numbers`, of which there is at least one.
    pub(crate) fn of(mut numbers: Vec<f64>) -> Self {
        numbers.sort_by(f64::total_cmp);
        let median = quantile(&numbers, 0.5);
        let between = quantile(&numbers, 0.75) - quantile(&numbers, 0.25);
        Self {
            median,
            min: quantile(&numbers, 0.0),
            max: quantile(&numbers, 1.0),
            spread: 100.0 * between / median,
        }
    }
}

/// The value below which `share` of the sorted numbers lie, between neighbours if need be.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    low + (high - low) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn a_summary_does_not_depend_on_order() {
        let summary = Summary::of(vec![5.0, 1.0, 4.0, 2.0, 3.0]);
        let wanted = Summary { median: 3.0, min: 1.0, max: 5.0, spread: 200.0 / 3.0 };
        assert_eq!(summary, wanted);
    }

    #[test]
    fn an_even_count_has_its_median_between_two() {
        assert_eq!(Summary::of(vec![1.0, 2.0]).median, 1.5);
    }

    #[test]
    fn one_number_is_its_own_summary() {
        let wanted = Summary { median: 7.0, min: 7.0, max: 7.0, spread: 0.0 };
        assert_eq!(Summary::of(vec![7.0]), wanted);
    }
}
