//! The edges between the crates of the workspace: those that DESIGN draws, and no others.

use toml::{Table, Value};

use super::Finding;
use crate::Result;

/// What each crate may use. A new edge is a decision about the design, and a change of its own.
const EDGES: &[(&str, &[&str])] = &[
    (
        "multiproc",
        &[
            "ipc-pipe",
            "ipc-shm",
            "manager",
            "multiproc-macros",
            "pool",
            "procspawn-core",
            "queues",
            "sync-primitives",
        ],
    ),
    ("manager", &["procspawn-core", "ipc-pipe"]),
    ("pool", &["procspawn-core", "sync-primitives", "ipc-shm", "ipc-pipe"]),
    ("queues", &["sync-primitives", "ipc-shm", "ipc-pipe"]),
    ("procspawn-core", &["ipc-pipe"]),
    ("sync-primitives", &["ipc-shm"]),
    ("ipc-shm", &["ipc-pipe", "multiproc-macros"]),
    ("ipc-pipe", &[]),
    ("multiproc-macros", &[]),
];

/// The edges that exist only if a feature asks for them.
const OPTIONAL: &[(&str, &str)] = &[("ipc-shm", "ipc-pipe")];

/// Checks every manifest, given as its path and its text. Tests may use what they like.
pub(super) fn check(manifests: &[(String, String)]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, text) in manifests {
        let manifest: Table = text.parse().map_err(|e| format!("{path}: {e}"))?;
        let from = name(&manifest).ok_or_else(|| format!("{path}:1: no package name; add one"))?;
        let Some((_, drawn)) = EDGES.iter().find(|(name, _)| *name == from) else {
            let message = format!("crate `{from}` is not drawn; add it to xtask/src/tidy/edges.rs");
            findings.push(Finding::new(path, 1, message));
            continue;
        };
        for (to, value) in dependencies(&manifest) {
            let message = wrong_edge(from, to, value, drawn);
            findings.extend(message.map(|message| Finding::new(path, line_of(text, to), message)));
        }
    }
    Ok(findings)
}

fn name(manifest: &Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

fn wrong_edge(from: &str, to: &str, value: &Value, drawn: &[&str]) -> Option<String> {
    let local = EDGES.iter().any(|(name, _)| *name == to);
    if local && !drawn.contains(&to) {
        return Some(format!(
            "edge `{from}` -> `{to}` is not drawn; remove it, or move what is needed down"
        ));
    }
    let optional = value.get("optional").and_then(Value::as_bool).unwrap_or(false);
    let must_be = OPTIONAL.contains(&(from, to));
    (must_be && !optional).then(|| {
        format!("edge `{from}` -> `{to}` exists for a feature only; write `optional = true`")
    })
}

/// The crates that `manifest` uses for more than tests, on any platform, by their own names.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&str, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let per_target = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(per_target)
        .flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")])
        .flatten()
        .filter_map(Value::as_table)
        .flatten()
        .map(|(key, value)| (own_name(key, value), value))
}

/// A dependency may be renamed; the edge is to the crate all the same.
fn own_name<'a>(key: &'a str, value: &'a Value) -> &'a str {
    value.get("package").and_then(Value::as_str).unwrap_or(key)
}

fn line_of(manifest: &str, name: &str) -> usize {
    let names_it = |line: &str| line.starts_with(name) || line.contains(&format!("\"{name}\""));
    let is_own_name = |line: &str| line.starts_with("name");
    let at = manifest.lines().position(|line| names_it(line) && !is_own_name(line));
    at.map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::check;

    /// What is found in the manifest of `name` with `rest` behind its package table.
    fn found(name: &str, rest: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{name}\"\n{rest}");
        let findings = check(&[("Cargo.toml".to_owned(), text)]).expect("the manifest is readable");
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_edge_that_is_not_drawn_is_found() {
        let found = found("ipc-pipe", "[dependencies]\nqueues.workspace = true\n");
        assert!(found[0].starts_with("Cargo.toml:4: edge `ipc-pipe` -> `queues` is not drawn"));
    }

    #[test]
    fn edges_are_found_under_targets_and_other_names() {
        assert_eq!(found("queues", "[target.'cfg(unix)'.dependencies]\npool = \"1\"\n").len(), 1);
        assert_eq!(found("queues", "[build-dependencies]\np = { package = \"pool\" }\n").len(), 1);
    }

    #[test]
    fn drawn_edges_and_other_crates_are_fine() {
        let rest = "[dependencies]\nipc-shm.workspace = true\nserde = \"1\"\n\
                    [dev-dependencies]\nmultiproc = \"0\"\n";
        assert!(found("queues", rest).is_empty());
    }

    #[test]
    fn an_edge_for_a_feature_must_be_optional() {
        assert_eq!(found("ipc-shm", "[dependencies]\nipc-pipe.workspace = true\n").len(), 1);
        let optional = "[dependencies]\nipc-pipe = { workspace = true, optional = true }\n";
        assert!(found("ipc-shm", optional).is_empty());
    }

    #[test]
    fn a_crate_that_is_not_drawn_is_found() {
        assert_eq!(found("stranger", "").len(), 1);
    }
}
