//! What a file says at its head, and its examples: a doc opens each, no example is ignored.

use super::Finding;
use super::source::Source;

/// A file says on its first line what it is.
pub(super) fn head_doc(source: &Source) -> Vec<Finding> {
    let test_support = source.path.contains("/tests/");
    let has_one = source.lines.first().is_some_and(|line| line.comment.starts_with("//!"));
    if has_one || test_support {
        return Vec::new();
    }
    let message = "no head doc; open the file with `//!` and say what it is and why it is so";
    vec![Finding::new(&source.path, 1, message)]
}

/// A crate's root denies unsafe code, which the files that need it lift for themselves.
pub(super) fn unsafe_code_denied(source: &Source) -> Vec<Finding> {
    let denies = |code: &str| {
        code.starts_with("#![")
            && ["deny(", "forbid("].iter().any(|lint| code.contains(lint))
            && code.contains("unsafe_code")
    };
    if !source.path.ends_with("src/lib.rs") || source.lines.iter().any(|line| denies(&line.code)) {
        return Vec::new();
    }
    let message = "the crate's root allows unsafe code; add `#![deny(unsafe_code)]` and lift it \
                   with `#![allow(unsafe_code)]` in the files that need it";
    vec![Finding::new(&source.path, 1, message)]
}

/// Every example in the documentation is compiled, and run unless it says why not.
pub(super) fn ignored_examples(source: &Source) -> Vec<Finding> {
    let message = "an example marked `ignore` is checked by nobody; make it run, or use `no_run`, \
                   `compile_fail` or `text`";
    source
        .numbered()
        .filter(|(_, line)| line.doc().is_some_and(opens_ignored_block))
        .map(|(number, _)| Finding::new(&source.path, number, message))
        .collect()
}

fn opens_ignored_block(doc: &str) -> bool {
    let Some(words) = doc.strip_prefix("```") else { return false };
    words.split([',', ' ']).any(|word| word.starts_with("ignore"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lib(text: &str) -> Source {
        Source::new("crates/x/src/lib.rs", text)
    }

    #[test]
    fn a_file_without_a_head_doc_is_found() {
        assert_eq!(head_doc(&lib("use std::fs;\n//! late")).len(), 1);
        assert_eq!(head_doc(&lib("")).len(), 1);
        assert!(head_doc(&lib("//! What it is.\n")).is_empty());
    }

    #[test]
    fn a_root_that_allows_unsafe_code_is_found() {
        assert_eq!(unsafe_code_denied(&lib("//! x\n// #![deny(unsafe_code)]")).len(), 1);
        assert!(unsafe_code_denied(&lib("#![deny(unsafe_code)]")).is_empty());
        assert!(unsafe_code_denied(&lib("#![forbid(missing_docs, unsafe_code)]")).is_empty());
        assert!(unsafe_code_denied(&Source::new("crates/x/src/sys.rs", "")).is_empty());
    }

    #[test]
    fn an_ignored_example_is_found() {
        let found = ignored_examples(&lib("//! x\n/// ```rust,ignore\n/// ```\n/// ```no_run"));
        assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [2]);
        assert_eq!(ignored_examples(&lib("/// ```ignore-wasm")).len(), 1);
    }
}
