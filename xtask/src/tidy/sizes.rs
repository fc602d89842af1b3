//! Sizes and names of files: small ones, named for what is in them.

use super::Finding;
use super::source::Source;

/// Past this, a file is split by idea.
const MAX_LINES: usize = 500;

/// `lib.rs` is a contents page.
const MAX_CONTENTS: usize = 80;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils.rs", "util.rs", "common.rs", "helpers.rs", "types.rs"];

pub(super) fn length(source: &Source) -> Vec<Finding> {
    let lines = source.lines.len();
    if lines <= MAX_LINES {
        return Vec::new();
    }
    let message = format!("{lines} lines, more than {MAX_LINES}; split the file by idea");
    vec![Finding::new(&source.path, MAX_LINES + 1, message)]
}

pub(super) fn file_name(source: &Source) -> Vec<Finding> {
    let folder_too =
        |name: &&str| source.path.contains(&format!("/{}/", name.trim_end_matches(".rs")));
    let empty = EMPTY_NAMES.iter().find(|name| source.file_name() == **name || folder_too(name));
    let Some(name) = empty else { return Vec::new() };
    let message = format!("`{name}` says nothing; name the file for the one idea in it");
    vec![Finding::new(&source.path, 1, message)]
}

pub(super) fn contents_page(source: &Source) -> Vec<Finding> {
    let lines = source.lines.iter().filter(|line| line.has_code()).count();
    if source.file_name() != "lib.rs" || lines <= MAX_CONTENTS {
        return Vec::new();
    }
    let message =
        format!("{lines} lines of code, more than {MAX_CONTENTS}; lib.rs is a contents page");
    vec![Finding::new(&source.path, 1, message)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, lines: usize) -> Source {
        Source::new(path, &"x;\n".repeat(lines))
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(length(&source("crates/x/src/a.rs", 501))[0].line, 501);
        assert!(length(&source("crates/x/src/a.rs", 500)).is_empty());
    }

    #[test]
    fn an_empty_name_is_found() {
        assert_eq!(file_name(&source("crates/x/src/utils.rs", 1)).len(), 1);
        assert_eq!(file_name(&source("crates/x/tests/common/mod.rs", 1)).len(), 1);
        assert!(file_name(&source("crates/x/src/utility_knife.rs", 1)).is_empty());
    }

    #[test]
    fn a_lib_with_logic_is_found() {
        assert_eq!(contents_page(&source("crates/x/src/lib.rs", 81)).len(), 1);
        assert!(contents_page(&source("crates/x/src/lib.rs", 80)).is_empty());
        assert!(contents_page(&source("crates/x/src/a.rs", 81)).is_empty());
    }
}
