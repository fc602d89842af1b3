//! Lists of mixed values.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use ipc_shm::{Item, RawValue, ShareableList, ShmError};

use crate::support::{TempFile, assert_error, run, start, unique};

fn mixed() -> Vec<Item> {
    vec![
        Item::None,
        true.into(),
        i64::MIN.into(),
        (-0.5).into(),
        "text".into(),
        b"\0\xff".as_slice().into(),
    ]
}

#[test]
fn smoke() {
    let list = ShareableList::new(mixed()).unwrap();
    let seen = run(
        |list: ShareableList| {
            let seen = list.to_vec().unwrap();
            list.set(0, 7).unwrap();
            list.set(2, "seven").unwrap();
            seen
        },
        (list.clone(),),
    );
    assert_eq!(seen, mixed());
    assert_eq!((list.get(0).unwrap(), list.get(2).unwrap()), (7.into(), "seven".into()));
    assert_eq!((list.len(), list.is_empty()), (6, false));
    assert_error!(list.get(6), ShmError::OutOfBounds { end: 7, len: 6 });
    assert_error!(list.set(usize::MAX, 1), ShmError::OutOfBounds { .. });
}

#[test]
fn text_is_kept_whole() {
    let long = "é".repeat(15);
    let texts = ["", "a\0", "\0\0", &long, "12345678", "𝄞𝄞"].map(str::to_owned);
    let list = ShareableList::new(texts.clone()).unwrap();
    for (index, text) in texts.iter().enumerate() {
        assert_eq!(list.get(index).unwrap(), Item::Str(text.clone()));
    }
    let bytes = ShareableList::new([b"\0\0".as_slice(), b"x\0"]).unwrap();
    assert_eq!(bytes.to_vec().unwrap(), [b"\0\0".as_slice().into(), b"x\0".as_slice().into()]);
}

#[test]
fn a_slot_is_sized_by_bytes_and_its_neighbours_stay() {
    let list = ShareableList::new(["left", "éééé", "right"]).unwrap();
    assert_eq!(list.room(1), Some(8));
    list.set(1, "𝄞𝄞").unwrap();
    assert_error!(list.set(1, "ééééé"), ShmError::DoesNotFit { slot: 8, needed: 10 });
    assert_error!(list.set(1, vec![0; 9]), ShmError::DoesNotFit { slot: 8, needed: 9 });
    let expected: Vec<Item> = vec!["left".into(), "𝄞𝄞".into(), "right".into()];
    assert_eq!(list.to_vec().unwrap(), expected);
    list.set(1, vec![0xff; 8]).unwrap();
    assert_eq!(list.get(0).unwrap(), "left".into());
    assert_eq!(list.get(2).unwrap(), "right".into());
    let roomy = ShareableList::with_room(20, [1]).unwrap();
    assert_eq!(roomy.room(0), Some(24));
    roomy.set(0, "four and twenty letters!").unwrap();
}

#[test]
fn types_change_in_place() {
    let list = ShareableList::new([Item::None]).unwrap();
    for item in mixed() {
        list.set(0, item.clone()).unwrap();
        assert_eq!(list.get(0).unwrap(), item);
    }
}

#[test]
fn items_are_counted_and_found() {
    let list = ShareableList::new([1, 2, 1, 3]).unwrap();
    assert_eq!(list.count(&1.into()).unwrap(), 2);
    assert_eq!(list.count(&1.0.into()).unwrap(), 0);
    assert_eq!(list.index(&3.into()).unwrap(), Some(3));
    assert_eq!(list.index(&"3".into()).unwrap(), None);
    assert_eq!(list.iter().filter_map(Result::ok).collect::<Vec<_>>().len(), 4);
}

#[test]
fn a_second_handle_and_an_empty_list() {
    let (name, file) = (unique("list"), TempFile::new());
    let list = ShareableList::create(&name, mixed()).unwrap();
    let second = ShareableList::open(&name).unwrap();
    second.set(4, "new").unwrap();
    assert_eq!(list.get(4).unwrap(), "new".into());
    drop(ShareableList::create_file(&file.0, mixed()).unwrap());
    assert_eq!(ShareableList::open_file(&file.0).unwrap().to_vec().unwrap(), mixed());

    let empty = ShareableList::new(Vec::<Item>::new()).unwrap();
    assert!(empty.is_empty() && empty.to_vec().unwrap().is_empty());
    assert_error!(empty.get(0), ShmError::OutOfBounds { end: 1, len: 0 });
    assert!(run(|list: ShareableList| list.is_empty(), (empty,)));
}

#[test]
fn no_item_is_seen_half_written() {
    let (short, long) = ("s", "a long text that takes its time to be written".repeat(20));
    let list = ShareableList::new([long.as_str()]).unwrap();
    let child = |list: ShareableList, long: String| {
        for _ in 0..2000 {
            list.set(0, "s").unwrap();
            list.set(0, long.as_str()).unwrap();
        }
    };
    let child = start(child, (list.clone(), long.clone()));
    for _ in 0..2000 {
        let seen = list.get(0).unwrap();
        assert!(seen == short.into() || seen == long.as_str().into(), "{seen:?}");
    }
    child.join().unwrap();
}

#[test]
fn a_killed_writer_spoils_one_item_at_most() {
    let long = "x".repeat(1 << 20);
    let list = ShareableList::new(["left", &long, "right"]).unwrap();
    for _ in 0..10 {
        let begun = RawValue::new(0_u64).unwrap();
        let write = |list: ShareableList, long: String, begun: RawValue<u64>| {
            for n in 1..u64::MAX {
                begun.set(n);
                list.set(1, long.as_str()).unwrap();
            }
        };
        let writer = start(write, (list.clone(), long.clone(), begun.clone()));
        while begun.get() < 3 {
            std::thread::yield_now();
        }
        writer.kill().unwrap();
        assert!(writer.join().is_err());
        match list.get(1) {
            Ok(item) => assert_eq!(item, long.as_str().into()),
            Err(error) => assert!(matches!(error, ShmError::Corrupt(_)), "{error:?}"),
        }
        assert_eq!(list.get(0).unwrap(), "left".into());
        assert_eq!(list.get(2).unwrap(), "right".into());
        list.set(1, long.as_str()).unwrap();
        assert_eq!(list.get(1).unwrap(), long.as_str().into());
    }
}

#[test]
fn scribbles_are_errors_and_can_be_repaired() {
    let file = TempFile::new();
    let list = ShareableList::create_file(&file.0, ["é", "b"]).unwrap();
    let inside = File::options().write(true).open(&file.0).unwrap();
    // The header, the table of three words, the head of the first slot.
    let (tag, len, text) = (64 + 24, 64 + 32, 64 + 40);
    for (at, bytes) in [
        (tag, 0_u64.to_ne_bytes().as_slice()),
        (tag, &u64::MAX.to_ne_bytes()),
        (tag, &2_u64.to_ne_bytes()),
        (len, &9_u64.to_ne_bytes()),
        (len, &u64::MAX.to_ne_bytes()),
        (len, &1_u64.to_ne_bytes()),
        (text, &[0xff]),
    ] {
        inside.write_all_at(bytes, at).unwrap();
        assert_error!(list.get(0), ShmError::Corrupt(_));
        assert_error!(list.to_vec(), ShmError::Corrupt(_));
        assert_eq!(list.get(1).unwrap(), "b".into());
        list.set(0, "é").unwrap();
        assert_eq!(list.get(0).unwrap(), "é".into());
    }
}

#[test]
fn any_byte_may_be_anything() {
    let file = TempFile::new();
    drop(ShareableList::create_file(&file.0, mixed()).unwrap());
    let original = fs::read(&file.0).unwrap();
    for at in 0..original.len() {
        for value in [0, 1, 7, 0x80, 0xff] {
            let mut bytes = original.clone();
            bytes[at] = value;
            fs::write(&file.0, bytes).unwrap();
            if let Ok(list) = ShareableList::open_file(&file.0) {
                list.iter().for_each(drop);
            }
        }
    }
}
