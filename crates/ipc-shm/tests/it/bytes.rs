//! Byte strings.

use std::fs::File;
use std::os::unix::fs::FileExt;

use ipc_shm::{SharedBytes, ShmError};

use crate::support::{TempFile, assert_error, run, unique};

#[test]
fn smoke() {
    let text = SharedBytes::with_capacity(20).unwrap();
    assert_eq!(text.get().unwrap(), b"");
    run(|text: SharedBytes| text.set(b"from the child\0\0").unwrap(), (text.clone(),));
    assert_eq!(text.get().unwrap(), b"from the child\0\0");
    text.set(b"short").unwrap();
    assert_eq!(text.raw(), b"shortthe child\0\0\0\0\0\0");
    assert_eq!(text.capacity(), 20);
}

#[test]
fn a_value_that_is_too_long_changes_nothing() {
    let name = unique("bytes");
    let text = SharedBytes::create(&name, 3).unwrap();
    text.set(b"abc").unwrap();
    assert_error!(text.set(b"abcd"), ShmError::DoesNotFit { slot: 3, needed: 4 });
    assert_eq!(SharedBytes::open(&name).unwrap().get().unwrap(), b"abc");
    assert_error!(SharedBytes::with_capacity(0), ShmError::Empty);
    assert_error!(SharedBytes::with_capacity(usize::MAX), ShmError::TooLarge);
}

#[test]
fn a_length_that_cannot_be_is_corrupt() {
    let file = TempFile::new();
    let text = SharedBytes::create_file(&file.0, 3).unwrap();
    let inside = File::options().write(true).open(&file.0).unwrap();
    for len in [4, u64::MAX] {
        inside.write_all_at(&len.to_ne_bytes(), 64).unwrap();
        assert_error!(text.get(), ShmError::Corrupt(_));
    }
    text.set(b"x").unwrap();
    assert_eq!(SharedBytes::open_file(&file.0).unwrap().get().unwrap(), b"x");
}
