//! The executable and the shared libraries of this process, and where their constants lie.
//!
//! An address means nothing to another process; *(module, offset)* does, as long as both run the
//! same build. The module is named by its build-id (a note the linker writes), or, where the
//! linker wrote none, by the identity of its file.
#![allow(unsafe_code, reason = "walks the dynamic linker's list and reads program headers")]

use std::ffi::{CStr, OsStr, c_int, c_void};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

/// What names a build of a program or library in every process that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModuleId([u8; 32]);

/// A program or library of this process.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    pub(crate) id: ModuleId,
    /// Where the module's own addresses begin.
    pub(crate) base: usize,
    /// Addresses that cannot be written after start-up.
    constants: Vec<Range<usize>>,
}

impl Module {
    /// The module in whose constants `address` lies.
    pub(crate) fn of(address: usize) -> Option<Module> {
        find(|module| module.holds(address, 1))
    }

    /// The module of that name.
    pub(crate) fn named(id: ModuleId) -> Option<Module> {
        find(|module| module.id == id)
    }

    /// True if `len` bytes at `address` are constants of this module.
    pub(crate) fn holds(&self, address: usize, len: usize) -> bool {
        let Some(end) = address.checked_add(len) else { return false };
        self.constants.iter().any(|range| range.start <= address && end <= range.end)
    }
}

/// The first module that `wanted` accepts; the executable is asked first, and remembered.
fn find(wanted: impl Fn(&Module) -> bool) -> Option<Module> {
    static EXECUTABLE: OnceLock<Option<Module>> = OnceLock::new();
    let executable = EXECUTABLE.get_or_init(|| search(&mut |_| true));
    if let Some(module) = executable.as_ref().filter(|module| wanted(module)) {
        return Some(module.clone());
    }
    search(&mut |module| wanted(module))
}

/// A question to each module, and the module that answered yes.
struct Search<'a> {
    wanted: &'a mut dyn FnMut(&Module) -> bool,
    found: Option<Module>,
}

fn search(wanted: &mut dyn FnMut(&Module) -> bool) -> Option<Module> {
    let mut search = Search { wanted, found: None };
    // SAFETY: `visit` has the signature of the callback and gets this call's `search`, which
    // outlives it.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}

/// Looks at one module; a nonzero answer ends the walk.
unsafe extern "C" fn visit(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    search: *mut c_void,
) -> c_int {
    // SAFETY: the linker hands out a valid `info` for the time of the call.
    let info = unsafe { &*info };
    // SAFETY: `search` is the `Search` of the call of `dl_iterate_phdr` above, used by nobody else
    // meanwhile.
    let search = unsafe { &mut *search.cast::<Search<'_>>() };
    let module = describe(info);
    if (search.wanted)(&module) {
        search.found = Some(module);
        return 1;
    }
    0
}

fn describe(info: &libc::dl_phdr_info) -> Module {
    // SAFETY: the linker keeps `dlpi_phnum` program headers at `dlpi_phdr` while the module is
    // loaded.
    let headers =
        unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let base = info.dlpi_addr as usize;
    let place = |header: &libc::Elf64_Phdr| {
        let start = base + header.p_vaddr as usize;
        start..start + header.p_memsz as usize
    };
    let constants = headers.iter().filter(|header| is_constant(header)).map(place).collect();
    let build_id =
        headers.iter().filter(|header| header.p_type == libc::PT_NOTE).find_map(|header| {
            let range = place(header);
            // SAFETY: a PT_NOTE segment is mapped, readable and constant while the module is
            // loaded.
            build_id(unsafe { std::slice::from_raw_parts(range.start as *const u8, range.len()) })
        });
    Module { id: build_id.unwrap_or_else(|| file_id(info)), base, constants }
}

/// True for segments of data that no one can write once the program runs.
fn is_constant(header: &libc::Elf64_Phdr) -> bool {
    let read_only = header.p_type == libc::PT_LOAD
        && header.p_flags & (libc::PF_R | libc::PF_W | libc::PF_X) == libc::PF_R;
    read_only || header.p_type == libc::PT_GNU_RELRO
}

/// Finds the linker's build-id among ELF notes: length of name, length of contents, type, name,
/// contents.
fn build_id(mut notes: &[u8]) -> Option<ModuleId> {
    const NT_GNU_BUILD_ID: u32 = 3;
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let word =
            |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (name_len, len) = (word(0) as usize, word(4) as usize);
        let name = rest.get(..name_len)?;
        let contents_at = name_len.next_multiple_of(4);
        let contents = rest.get(contents_at..contents_at.checked_add(len)?)?;
        if word(8) == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return Some(named("b", contents));
        }
        notes = rest.get((contents_at + len).next_multiple_of(4)..)?;
    }
}

/// Names a module without a build-id by its file: device, inode, size and time of change.
fn file_id(info: &libc::dl_phdr_info) -> ModuleId {
    let path = if info.dlpi_name.is_null() {
        c"".to_owned()
    } else {
        // SAFETY: the linker keeps a C string at `dlpi_name` while the module is loaded.
        unsafe { CStr::from_ptr(info.dlpi_name) }.to_owned()
    };
    let path = if path.is_empty() {
        OsStr::new("/proc/self/exe")
    } else {
        OsStr::from_bytes(path.as_bytes())
    };
    let Ok(file) = std::fs::metadata(path) else { return named("?", path.as_bytes()) };
    let facts =
        [file.dev(), file.ino(), file.size(), (file.mtime() << 30 | file.mtime_nsec()) as u64];
    let bytes: Vec<u8> = facts.iter().flat_map(|fact| fact.to_ne_bytes()).collect();
    named("f", &bytes[8..])
}

/// A kind of name, its length, and as much of it as there is room for.
fn named(kind: &str, name: &[u8]) -> ModuleId {
    let mut id = [0; 32];
    let bytes = kind.bytes().chain([name.len() as u8]).chain(name.iter().copied());
    id.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    ModuleId(id)
}
