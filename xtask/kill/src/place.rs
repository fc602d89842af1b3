//! Where an address lies: the object file, the offset in it, and the function if it has a name.
//!
//! A child is a fork of the harness, so that the harness's own map is the child's. `addr2line -e
//! FILE OFFSET` makes a line of it.
#![allow(unsafe_code, reason = "asks the dynamic linker")]

use std::ffi::CStr;
use std::path::Path;

use crate::symbols;

pub(crate) fn name(address: usize) -> String {
    // SAFETY: zero is a value of this plain structure: null pointers.
    let mut info: libc::Dl_info = unsafe { std::mem::zeroed() };
    // SAFETY: the linker only looks the address up, and writes to a live local.
    let found = unsafe { libc::dladdr(address as *const _, &mut info) };
    if found == 0 {
        return format!("{address:#x}");
    }
    let file = text(info.dli_fname).unwrap_or_default();
    let file = Path::new(&file).file_name().unwrap_or_default().display().to_string();
    let offset = address.wrapping_sub(info.dli_fbase as usize);
    match text(info.dli_sname).or_else(|| own_symbol(&file, offset)) {
        Some(symbol) => format!("{symbol} ({file}+{offset:#x})"),
        None => format!("{file}+{offset:#x}"),
    }
}

/// The linker knows only what is exported; this executable's own functions it does not.
fn own_symbol(file: &str, offset: usize) -> Option<String> {
    let this = std::env::current_exe().ok()?;
    let own = this.file_name().is_some_and(|name| name == file);
    own.then(|| symbols::at(offset as u64)).flatten()
}

fn text(string: *const libc::c_char) -> Option<String> {
    if string.is_null() {
        return None;
    }
    // SAFETY: the linker's strings end with a zero and live as long as their object, and the
    // harness unloads none.
    let string = unsafe { CStr::from_ptr(string) };
    Some(string.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_function_of_libc_has_a_name() {
        assert!(super::name(libc::getpid as *const () as usize).contains("getpid"));
        assert_eq!(super::name(1), "0x1");
    }
}
