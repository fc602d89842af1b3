//! The functions of this very executable by address, from its symbol table.
//!
//! The dynamic linker knows only what is exported, and a Rust program exports nothing. Reads just
//! enough of a 64-bit ELF file of this machine; a file that is otherwise has no names.

use std::sync::OnceLock;

/// A section's type: the full symbol table.
const SYMTAB: u32 = 2;
/// A symbol's type: a function.
const FUNCTION: u8 = 2;

#[derive(Debug)]
struct Symbol {
    start: u64,
    size: u64,
    name: String,
}

/// The function at `offset` in this executable, as its mangled name and the offset in it.
pub(crate) fn at(offset: u64) -> Option<String> {
    static TABLE: OnceLock<Vec<Symbol>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let file = std::fs::read("/proc/self/exe").unwrap_or_default();
        functions(&file).unwrap_or_default()
    });
    let found =
        table.iter().find(|symbol| (symbol.start..symbol.start + symbol.size).contains(&offset));
    found.map(|symbol| format!("{}+{:#x}", path(&symbol.name), offset - symbol.start))
}

fn functions(file: &[u8]) -> Option<Vec<Symbol>> {
    let table = (0..u64::from(half(file, 60)?))
        .filter_map(|index| section(file, index))
        .find(|section| section.kind == SYMTAB)?;
    let names = section(file, u64::from(table.link))?;
    let symbols = (0..table.size / 24).filter_map(|index| {
        let at = usize::try_from(table.offset + index * 24).ok()?;
        let is_function = file.get(at + 4)? & 0xf == FUNCTION;
        let name = usize::try_from(names.offset + u64::from(word(file, at)?)).ok()?;
        let name = file.get(name..)?.split(|byte| *byte == 0).next()?;
        let name = String::from_utf8_lossy(name).into_owned();
        is_function.then_some(Symbol {
            start: long(file, at + 8)?,
            size: long(file, at + 16)?,
            name,
        })
    });
    Some(symbols.collect())
}

#[derive(Debug)]
struct Section {
    kind: u32,
    offset: u64,
    size: u64,
    link: u32,
}

fn section(file: &[u8], index: u64) -> Option<Section> {
    let at = long(file, 40)? + index * u64::from(half(file, 58)?);
    let at = usize::try_from(at).ok()?;
    Some(Section {
        kind: word(file, at + 4)?,
        offset: long(file, at + 24)?,
        size: long(file, at + 32)?,
        link: word(file, at + 40)?,
    })
}

fn half(file: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(file.get(at..at + 2)?.try_into().ok()?))
}

fn word(file: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(file.get(at..at + 4)?.try_into().ok()?))
}

fn long(file: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(file.get(at..at + 8)?.try_into().ok()?))
}

/// `a::b::c` for a legacy mangled name of a Rust function, without its hash; others as they are.
fn path(mangled: &str) -> String {
    let Some(mut rest) = mangled.strip_prefix("_ZN") else { return mangled.to_owned() };
    let mut parts = Vec::new();
    while let Some(digits) = rest.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0) {
        let length = rest[..digits].parse().unwrap_or(0);
        let Some(part) = rest.get(digits..digits + length) else { break };
        parts.push(part);
        rest = &rest[digits + length..];
    }
    parts.pop();
    parts.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mangled_name_is_a_path() {
        assert_eq!(path("_ZN4kill5marks6marked17h0123456789abcdefE"), "kill::marks::marked");
        assert_eq!(path("memcpy"), "memcpy");
    }

    #[test]
    fn this_executable_has_functions_and_other_files_have_none() {
        let this = std::fs::read("/proc/self/exe").expect("the test is a file");
        let found = functions(&this).expect("the test is not stripped");
        assert!(found.iter().any(|symbol| symbol.name == "main" && symbol.size > 0));
        assert!(functions(b"\x7fELF").is_none());
    }
}
