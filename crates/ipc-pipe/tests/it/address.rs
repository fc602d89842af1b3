//! Addresses as text and as values.

use std::path::PathBuf;

use ipc_pipe::{Address, Listener, Message};

fn all() -> Vec<Address> {
    use std::os::unix::ffi::OsStringExt;

    let odd = std::ffi::OsString::from_vec(vec![b'/', 0xff, b'%', b' ', b'\n']);
    vec![
        Address::unix("/run/app.sock"),
        Address::unix("relative"),
        Address::Unix(PathBuf::from(odd)),
        Address::abstract_name("name"),
        Address::abstract_name([0, 1, b'%', 0xfe]),
        Address::Tcp("127.0.0.1:80".parse().unwrap()),
        Address::Tcp("[::1]:65535".parse().unwrap()),
    ]
}

#[test]
fn text_and_back() {
    for address in all() {
        let text = address.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
        assert_eq!(text.parse::<Address>().unwrap(), address, "{text}");
    }
}

#[test]
fn travels() {
    for address in all() {
        let message = Message::encode(&address).unwrap();
        assert_eq!(message.decode::<Address>().unwrap(), address);
    }
}

#[test]
fn foreign_addresses_are_rejected() {
    let foreign = [
        "",
        "/run/x",
        r"\\.\pipe\x",
        "unix:",
        "tcp:localhost",
        "tcp:1.2.3.4",
        "pipe:x",
        "unix:%",
        "unix:%+1",
        "unix:%0",
    ];
    for text in foreign {
        let error = text.parse::<Address>().unwrap_err().to_string();
        assert!(error.contains("tcp:IP:PORT"), "{error}");
    }
}

#[test]
fn impossible_names_are_errors_that_say_why() {
    let cases = [
        (Address::unix("/tmp/".to_string() + &"x".repeat(200)), "has 205 bytes"),
        (Address::unix(""), "is empty"),
        (Address::unix("/tmp/zero\0byte"), "zero byte"),
        (Address::abstract_name("x".repeat(108)), "has 108 bytes"),
        (Address::abstract_name(""), "is empty"),
        (Address::unix("/no such folder/socket"), "folder does not exist"),
    ];
    for (address, why) in cases {
        let error = Listener::bind(&address).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(ipc_pipe::connect::<(), ()>(&address).is_err());
    }
}

#[test]
fn temporary_addresses_differ_and_leave_nothing() {
    let (one, other) = (Address::temporary().unwrap(), Address::temporary().unwrap());
    assert_ne!(one, other);
    let Address::Unix(path) = one else { panic!("{one}") };
    assert!(!path.parent().unwrap().exists());
}
