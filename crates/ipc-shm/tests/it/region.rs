//! Regions of bytes: lengths, bounds, options.

use std::fs::File;
use std::os::fd::AsFd;

use ipc_shm::{HugePages, Layout, Region, Shared, ShmError};

use crate::support::{TempFile, assert_error, run, unique};

#[test]
fn smoke() {
    let region = Region::new(100).unwrap();
    let mut bytes = [1; 100];
    region.read_at(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0; 100], "a new region is zeroed");
    run(|region: Region| region.write_at(97, b"end").unwrap(), (region.clone(),));
    region.read_at(0, &mut bytes).unwrap();
    assert_eq!(bytes[97..], *b"end");
    assert_eq!((region.len(), region.count(), region.name()), (100, 100, None));
}

#[test]
fn no_bytes_and_too_many_are_errors() {
    assert_error!(Region::new(0), ShmError::Empty);
    assert_error!(Region::options().named(&unique("empty"), 0), ShmError::Empty);
    assert_error!(Region::new(usize::MAX), ShmError::TooLarge);
    assert_error!(Region::new(isize::MAX as usize), ShmError::TooLarge);
    let larger_than_memory = 1 << 44;
    let asked = larger_than_memory as u64;
    assert_error!(
        Region::new(larger_than_memory),
        ShmError::OutOfMemory { needed } if needed >= asked
    );
    let name = unique("large");
    let named = Region::options().named(&name, larger_than_memory);
    assert_error!(named, ShmError::OutOfMemory { .. });
    assert_error!(Region::open(&name), ShmError::NotFound(_));
    let error = std::io::Error::from(Region::new(larger_than_memory).unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::OutOfMemory);
}

#[test]
fn a_sparse_region_may_be_longer_than_memory() {
    let region = Region::options().sparse().anonymous(1 << 40).unwrap();
    region.write_at((1 << 40) - 3, b"end").unwrap();
    let mut bytes = [0; 3];
    region.read_at((1 << 40) - 3, &mut bytes).unwrap();
    assert_eq!(&bytes, b"end");
}

#[test]
fn access_beyond_the_end_is_an_error() {
    let region = Region::new(10).unwrap();
    let out_of_bounds = [(11, 0), (10, 1), (5, 6), (usize::MAX, 1), (usize::MAX, 0)];
    for (offset, len) in out_of_bounds {
        let mut bytes = vec![0; len];
        assert_error!(region.read_at(offset, &mut bytes), ShmError::OutOfBounds { len: 10, .. });
        assert_error!(region.write_at(offset, &bytes), ShmError::OutOfBounds { len: 10, .. });
    }
    region.write_at(10, &[]).unwrap();
    region.write_at(0, &[9; 10]).unwrap();
}

#[test]
fn what_holds_values_is_not_written_as_bytes() {
    let shared = Shared::new(7_u64).unwrap();
    assert_error!(shared.region().write_at(0, &[1]), ShmError::Layout { .. });
    assert_error!(shared.region().read_at(0, &mut [0]), ShmError::Layout { .. });
    assert_eq!(*shared, 7);
}

#[test]
fn a_payload_is_aligned_for_its_layout() {
    for align in [1, 64, 128, 4096] {
        let layout = Layout::new("aligned", 1, align);
        let region = Region::options().layout(layout).count(3).anonymous(100).unwrap();
        assert!(region.as_ptr().addr().is_multiple_of(align), "{align}");
        assert_eq!(region.count(), 3);
        region.check_layout(layout).unwrap();
        assert_error!(region.check_layout(Layout::BYTES), ShmError::Layout { .. });
    }
}

#[test]
fn the_length_of_an_anonymous_region_is_sealed() {
    let region = Region::new(100).unwrap();
    let file = File::from(region.as_fd().try_clone_to_owned().unwrap());
    let len = file.metadata().unwrap().len();
    for other in [0, len - 1, len + 1] {
        let error = file.set_len(other).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }
}

#[test]
fn options_change_how_and_not_what() {
    let file = TempFile::new();
    for options in [
        Region::options().prefault(),
        Region::options().sparse().prefault(),
        Region::options().huge_pages(HugePages::Transparent),
    ] {
        let regions = [
            options.anonymous(3 << 20).unwrap(),
            options.named(&unique("options"), 3 << 20).unwrap(),
            options.file(&file.0, 3 << 20).unwrap(),
        ];
        for region in regions {
            region.write_at(2 << 20, b"here").unwrap();
            assert_eq!(region.len(), 3 << 20);
        }
        std::fs::remove_file(&file.0).unwrap();
    }
}

#[test]
fn reserved_huge_pages_are_had_or_refused() {
    let named = Region::options().huge_pages(HugePages::Reserved).named(&unique("huge"), 1);
    assert_error!(named, ShmError::Io(error) if error.kind() == std::io::ErrorKind::Unsupported);
    match Region::options().huge_pages(HugePages::Reserved).anonymous(3 << 20) {
        Ok(region) => {
            region.write_at(3 << 19, b"here").unwrap();
            run(|region: Region| region.write_at(0, b"there").unwrap(), (region,));
        }
        Err(error) => assert!(matches!(error, ShmError::OutOfMemory { .. }), "{error:?}"),
    }
}

#[test]
fn a_file_stays_and_may_be_opened_later() {
    let file = TempFile::new();
    let path = file.0.to_str().unwrap().to_owned();
    let child = |path: String| {
        Region::options().file(path, 5).unwrap().write_at(0, b"hello").unwrap();
    };
    run(child, (path.clone(),));
    assert_error!(Region::options().file(&path, 5), ShmError::AlreadyExists(_));
    let mut bytes = [0; 5];
    Region::open_file(&path).unwrap().read_at(0, &mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
    assert_error!(Region::open_file(&path).unwrap().unlink(), ShmError::NotFound(_));
    assert_error!(Region::open_file("/nowhere/at/all"), ShmError::NotFound(_));
    assert_error!(Region::options().file("/nowhere/at/all", 5), ShmError::NotFound(_));
}

#[test]
fn errors_of_the_system_come_back_unchanged() {
    let error = std::io::Error::from(ShmError::Io(std::io::Error::from_raw_os_error(5)));
    assert_eq!(error.raw_os_error(), Some(5));
    let error = std::io::Error::from(ShmError::Borrowed);
    assert!(error.get_ref().unwrap().downcast_ref::<ShmError>().is_some());
}
