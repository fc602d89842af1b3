//! Lines that may hold `…`, which stands for any text inside one line.

const ANY: char = '…';

/// Whether `text` is what `pattern` describes.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split(ANY);
    let first = parts.next().expect("split gives at least one part");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        // The earliest place is always good enough: it leaves the most for the parts that follow.
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The lines that differ, as `- expected` and `+ printed`, or `None` if `actual` is as expected.
pub(crate) fn diff(expected: &str, actual: &str) -> Option<String> {
    let (mut left, mut right) = (expected.lines(), actual.lines());
    let mut out = String::new();
    loop {
        match (left.next(), right.next()) {
            (None, None) => break,
            (Some(pattern), Some(text)) if matches(pattern, text) => {}
            (pattern, text) => {
                pattern.into_iter().for_each(|line| out += &format!("- {line}\n"));
                text.into_iter().for_each(|line| out += &format!("+ {line}\n"));
            }
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::{diff, matches};

    #[test]
    fn a_line_without_a_wildcard_must_be_equal() {
        assert!(matches("pid 7", "pid 7"));
        assert!(!matches("pid 7", "pid 71"));
    }

    #[test]
    fn a_wildcard_stands_for_any_text() {
        assert!(matches("pid … of …", "pid 12 of init"));
        assert!(matches("…", ""));
        assert!(matches("a…a", "aba"));
        assert!(!matches("a…a", "a"));
        assert!(!matches("pid … of …", "pid 12"));
    }

    #[test]
    fn diff_shows_only_lines_that_differ() {
        assert_eq!(diff("a\nb…\n", "a\nbc\n"), None);
        assert_eq!(diff("a\nb\n", "a\nc\nd\n").as_deref(), Some("- b\n+ c\n+ d\n"));
    }
}
