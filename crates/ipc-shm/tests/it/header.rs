//! Files that strangers made, cut off or wrote into.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use ipc_shm::{RawArray, Region, ShareableList, Shared, ShmError};

use crate::support::{TempFile, assert_error};

/// A region of 100 numbers in a file, with `bytes` written at `offset`.
fn tampered(offset: u64, bytes: &[u8]) -> TempFile {
    let file = TempFile::new();
    drop(RawArray::create_file(&file.0, &[7_u32; 100]).unwrap());
    File::options().write(true).open(&file.0).unwrap().write_all_at(bytes, offset).unwrap();
    file
}

#[test]
fn an_untouched_file_opens_again_and_again() {
    let file = tampered(0, &[]);
    for _ in 0..3 {
        assert_eq!(RawArray::<u32>::open_file(&file.0).unwrap().to_vec(), [7; 100]);
    }
}

#[test]
fn something_else_is_not_a_region() {
    let file = TempFile::new();
    fs::write(&file.0, [0; 4096]).unwrap();
    assert_error!(Region::open_file(&file.0), ShmError::NotARegion);
    fs::write(&file.0, "a text ".repeat(100)).unwrap();
    assert_error!(Region::open_file(&file.0), ShmError::NotARegion);
    let folder = std::env::temp_dir();
    assert!(Region::open_file(folder).is_err());
    assert!(Region::open_file("/dev/zero").is_err());
}

#[test]
fn each_field_is_checked() {
    let magic = tampered(0, b"mprog");
    assert_error!(Region::open_file(&magic.0), ShmError::NotARegion);
    let version = tampered(8, &99_u32.to_ne_bytes());
    assert_error!(Region::open_file(&version.0), ShmError::Version { expected: 1, found: 99 });
    let header_len = tampered(12, &128_u32.to_ne_bytes());
    assert_error!(Region::open_file(&header_len.0), ShmError::Version { .. });
    let layout = tampered(16, &1_u64.to_ne_bytes());
    let opened = RawArray::<u32>::open_file(&layout.0);
    assert_error!(opened, ShmError::Layout { found: 1, .. });
    let no_payload = tampered(24, &0_u64.to_ne_bytes());
    assert_error!(Region::open_file(&no_payload.0), ShmError::NotARegion);
    let overflow = tampered(24, &u64::MAX.to_ne_bytes());
    assert_error!(Region::open_file(&overflow.0), ShmError::NotARegion);
    let offset = tampered(40, &8_u64.to_ne_bytes());
    assert_error!(Region::open_file(&offset.0), ShmError::NotARegion);
    let kind = tampered(52, &9_u32.to_ne_bytes());
    assert_error!(Region::open_file(&kind.0), ShmError::NotARegion);
    let reserved = tampered(56, &[1]);
    assert_error!(Region::open_file(&reserved.0), ShmError::NotARegion);
}

#[test]
fn a_length_beyond_the_file_is_an_error_and_so_is_a_count_beyond_the_length() {
    let longer = tampered(24, &401_u64.to_ne_bytes());
    let opened = Region::open_file(&longer.0);
    assert_error!(opened, ShmError::Truncated { expected: 465, found: 464 });
    for count in [0, 99, 101, u64::MAX, u64::MAX / 4 + 101] {
        let file = tampered(32, &count.to_ne_bytes());
        assert_error!(RawArray::<u32>::open_file(&file.0), ShmError::Corrupt(_));
    }
}

#[test]
fn a_file_that_was_cut_off_is_truncated() {
    let file = tampered(0, &[]);
    let cut = |len| File::options().write(true).open(&file.0).unwrap().set_len(len).unwrap();
    cut(463);
    let opened = Region::open_file(&file.0);
    assert_error!(opened, ShmError::Truncated { expected: 464, found: 463 });
    cut(63);
    assert_error!(Region::open_file(&file.0), ShmError::Truncated { expected: 64, found: 63 });
    cut(0);
    assert_error!(Region::open_file(&file.0), ShmError::Truncated { expected: 64, found: 0 });
}

#[test]
fn another_type_is_a_layout_error() {
    let file = tampered(0, &[]);
    assert_error!(RawArray::<i32>::open_file(&file.0), ShmError::Layout { .. });
    assert_error!(RawArray::<u64>::open_file(&file.0), ShmError::Layout { .. });
    assert_error!(RawArray::<[u32; 1]>::open_file(&file.0), ShmError::Layout { .. });
    assert_error!(Shared::<[u32; 100]>::open_file(&file.0), ShmError::Layout { .. });
    assert_error!(ShareableList::open_file(&file.0), ShmError::Layout { .. });
    let error = RawArray::<i32>::open_file(&file.0).unwrap_err();
    assert!(error.to_string().contains("another type"), "{error}");
}

#[test]
fn any_byte_of_a_header_may_be_anything() {
    let original = tampered(0, &[]);
    let bytes = fs::read(&original.0).unwrap();
    for at in 0..64 {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            fs::write(&original.0, bytes).unwrap();
            if let Ok(array) = RawArray::<u32>::open_file(&original.0) {
                assert_eq!(array.to_vec().len(), array.len());
            }
        }
    }
}
