//! Unsafe code: every site says which fact makes it sound, every contract says what is owed.

use super::Finding;
use super::source::{Line, Source};

/// How many lines of code may lie between a note and its site.
const REACH: usize = 3;

/// Each `unsafe { … }` and `unsafe impl` has a note: above it, on its line, or first thing inside.
pub(super) fn sites(source: &Source) -> Vec<Finding> {
    let message = "an unsafe site without a note; write `// SAFETY:` above it and name the fact \
                   that makes it sound";
    find(source, |lines, at| is_site(&lines[at]) && !has_note(lines, at), message)
}

/// Each public `unsafe fn` and `unsafe trait` has a section `# Safety` in its documentation.
pub(super) fn contracts(source: &Source) -> Vec<Finding> {
    let message = "public and unsafe without `# Safety` in its doc; say there what the caller or \
                   implementer owes";
    find(source, |lines, at| is_contract(&lines[at]) && !has_safety_section(&lines[..at]), message)
}

fn find(source: &Source, wrong: impl Fn(&[Line], usize) -> bool, message: &str) -> Vec<Finding> {
    (0..source.lines.len())
        .filter(|&at| wrong(&source.lines, at))
        .map(|at| Finding::new(&source.path, at + 1, message))
        .collect()
}

fn is_site(line: &Line) -> bool {
    ["unsafe {", "unsafe impl"].iter().any(|site| line.code.contains(site))
}

fn is_note(line: &Line) -> bool {
    line.comment.contains("SAFETY:")
}

fn has_note(lines: &[Line], at: usize) -> bool {
    let just_inside = lines.get(at + 1).is_some_and(|next| !next.has_code() && is_note(next));
    is_note(&lines[at]) || just_inside || has_note_above(&lines[..at])
}

/// Looks upward; a note above another site belongs to that one.
fn has_note_above(above: &[Line]) -> bool {
    let mut code_lines = 0;
    for line in above.iter().rev() {
        if is_note(line) {
            return true;
        }
        code_lines += usize::from(line.has_code());
        if code_lines > REACH || is_site(line) {
            return false;
        }
    }
    false
}

fn is_contract(line: &Line) -> bool {
    let code = &line.code;
    code.starts_with("pub ")
        && ["unsafe fn ", "unsafe trait "].iter().any(|what| code.contains(what))
}

/// Whether the documentation that ends above an item has the section; attributes may lie between.
fn has_safety_section(above: &[Line]) -> bool {
    let belongs = |line: &&Line| line.doc().is_some() || line.code.starts_with("#[");
    above.iter().rev().take_while(belongs).any(|line| line.doc() == Some("# Safety"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    fn found(text: &str) -> Vec<usize> {
        lines_of(&sites(&Source::new("crates/x/src/a.rs", text)))
    }

    #[test]
    fn a_site_without_a_note_is_found() {
        assert_eq!(found("fn f() {\n    unsafe { g() }\n}"), [2]);
        assert_eq!(found("unsafe impl Send for X {}"), [1]);
    }

    #[test]
    fn a_note_may_stand_above_on_or_inside() {
        assert!(found("// SAFETY: true.\nunsafe { g() }").is_empty());
        assert!(found("unsafe { g() } // SAFETY: true.").is_empty());
        assert!(found("unsafe {\n    // SAFETY: true.\n    g()\n}").is_empty());
        assert!(
            found("// SAFETY: true.\nlet a =\n    b(\n    c,\n    unsafe { g() });").is_empty()
        );
    }

    #[test]
    fn a_note_serves_one_site_and_reaches_three_lines() {
        assert_eq!(found("// SAFETY: true.\nunsafe { g() }\nunsafe { h() }"), [3]);
        assert_eq!(found("// SAFETY: true.\na;\nb;\nc;\nd;\nunsafe { g() }"), [6]);
    }

    #[test]
    fn text_about_unsafe_is_no_site() {
        assert!(found("// unsafe { }\nlet s = \"unsafe {\";").is_empty());
    }

    #[test]
    fn a_contract_without_its_section_is_found() {
        let found = |text| lines_of(&contracts(&Source::new("crates/x/src/a.rs", text)));
        assert_eq!(found("/// Does.\npub unsafe fn f() {}"), [2]);
        assert_eq!(found("/// # Safety\n///\n/// x\nfn a() {}\npub const unsafe fn f() {}"), [5]);
        assert!(found("/// # Safety\n///\n/// x\n#[inline]\npub unsafe fn f() {}").is_empty());
        assert_eq!(found("pub unsafe trait T {}"), [1]);
    }
}
