//! The README's commands are CI's commands: what a new user types first has been run.

use super::Finding;

/// Finds each cargo command in a `sh` block of `readme` that is not among `run_by_ci`.
pub(super) fn check(readme: &str, run_by_ci: &[&str]) -> Vec<Finding> {
    commands(readme)
        .filter(|(_, command)| !run_by_ci.contains(command))
        .map(|(line, command)| {
            let message = format!(
                "CI does not run `{command}`; add it to xtask/src/ci.rs or show one that is there"
            );
            Finding::new("README.md", line, message)
        })
        .collect()
}

/// The lines in `sh` blocks that start with cargo, without what is commented behind them.
fn commands(readme: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_shell = false;
    readme.lines().enumerate().filter_map(move |(index, line)| {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            in_shell = language == "sh";
            return None;
        }
        let command = line.split(" #").next().unwrap_or(line).trim();
        let command = command.strip_prefix("$ ").unwrap_or(command);
        (in_shell && command.starts_with("cargo")).then_some((index + 1, command))
    })
}

#[cfg(test)]
mod tests {
    use super::check;

    const README: &str = "# x\n```sh\ncargo xtask test   # all\n$ cargo fly\n```\ncargo swim\n\
                          ```rust\ncargo::run();\n```\n";

    #[test]
    fn a_command_that_ci_does_not_run_is_found() {
        let found = check(README, &["cargo xtask test"]);
        assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [4]);
        assert!(found[0].message.contains("`cargo fly`"));
    }

    #[test]
    fn commands_that_ci_runs_are_fine() {
        assert!(check(README, &["cargo xtask test", "cargo fly"]).is_empty());
    }
}
