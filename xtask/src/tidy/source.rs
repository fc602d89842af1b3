//! A Rust file as the checks see it: each line's code and comment apart.
//!
//! This is no parser. It knows line comments, strings plain and raw, over several lines too;
//! the code base uses nothing that would deceive it, and a finding shows it if one does.

/// A file and where it lies below the repository's root.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) lines: Vec<Line>,
}

/// One line: what the compiler reads, without the text of strings, and what only people read.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) code: String,
    /// The comment from its first slash on.
    pub(super) comment: String,
}

impl Line {
    pub(super) fn has_code(&self) -> bool {
        !self.code.is_empty()
    }

    /// The text of a documentation comment, `///` or `//!`.
    pub(super) fn doc(&self) -> Option<&str> {
        let text = self.comment.strip_prefix("///").or(self.comment.strip_prefix("//!"))?;
        Some(text.trim())
    }
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let mut inside = None;
        let lines = text.lines().map(|line| split(line, &mut inside)).collect();
        Self { path: path.to_owned(), lines }
    }

    /// Whether the file is part of a crate that is published.
    pub(super) fn is_library(&self) -> bool {
        self.path.starts_with("crates/") && self.path.contains("/src/")
    }

    /// The lines with their numbers, which start at one.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &Line)> {
        self.lines.iter().enumerate().map(|(index, line)| (index + 1, line))
    }

    pub(super) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// The string that the text being read lies in.
enum Text {
    Plain,
    /// With the quote and hashes that end it.
    Raw(String),
}

/// Splits a line; `inside` tells the next line if it begins within a string.
fn split(line: &str, inside: &mut Option<Text>) -> Line {
    let mut code = String::new();
    let mut rest = line;
    loop {
        if let Some(text) = inside {
            let Some(after) = after_string(rest, text) else { break };
            rest = after;
            *inside = None;
        }
        let Some(at) = rest.find(['"', '/', '\'']) else {
            code += rest;
            break;
        };
        let (before, from) = rest.split_at(at);
        code += before;
        if from.starts_with("//") {
            return Line { code: code.trim().to_owned(), comment: from.to_owned() };
        }
        let length = sign(from);
        if from.starts_with('"') {
            *inside = Some(opened(&code));
        }
        code += &from[..length];
        rest = &from[length..];
    }
    Line { code: code.trim().to_owned(), comment: String::new() }
}

/// The length of what `from` begins with: a quoted quote, or a sign by itself.
fn sign(from: &str) -> usize {
    ["'\"'", r#"'\"'"#].iter().find(|c| from.starts_with(**c)).map_or(1, |c| c.len())
}

/// What string a quote opens behind `code`.
fn opened(code: &str) -> Text {
    let before = code.trim_end_matches('#');
    let hashes = code.len() - before.len();
    if before.ends_with('r') { Text::Raw(format!("\"{}", "#".repeat(hashes))) } else { Text::Plain }
}

/// What follows the string that `rest` begins inside of, if it ends on this line.
fn after_string<'a>(rest: &'a str, text: &Text) -> Option<&'a str> {
    if let Text::Raw(end) = text {
        return rest.split_once(end.as_str()).map(|(_, after)| after);
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(&rest[at + 1..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Source;

    fn codes(text: &str) -> Vec<String> {
        Source::new("x.rs", text).lines.into_iter().map(|line| line.code).collect()
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(codes("a(); // unsafe {"), ["a();"]);
        assert_eq!(codes(r#"a("unsafe { // \" ") + 1"#), [r#"a(") + 1"#]);
        assert_eq!(
            codes("let r = r#\"unsafe {\n unsafe impl\n\"# ; b"),
            ["let r = r#\"", "", "; b"]
        );
        assert_eq!(codes("a(\"x \\\n unsafe { \\\" it's\"); b"), ["a(\"", "); b"]);
        assert_eq!(codes("let q = '\"'; // x"), ["let q = '\"';"]);
    }

    #[test]
    fn a_doc_comment_gives_its_text() {
        let source = Source::new("x.rs", "    /// # Safety\n// plain");
        assert_eq!(source.lines[0].doc(), Some("# Safety"));
        assert_eq!(source.lines[1].doc(), None);
    }
}
