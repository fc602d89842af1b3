//! Against real Pythons where there are some, and against their bytes everywhere.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ipc_pipe::python::{Client, Connection, Listener};
use ipc_pipe::{AcceptError, Address, AuthKey, ConnectError, RecvError};

use crate::child::Reaped;
use crate::meeting::{LONG, abstract_name, families, tcp, unix};

fn key() -> AuthKey {
    AuthKey::new("a key for tests")
}

fn pair() -> (UnixStream, Connection) {
    let (raw, ours) = UnixStream::pair().unwrap();
    (raw, Connection::try_from(OwnedFd::from(ours)).unwrap())
}

#[test]
fn both_ends_ours() {
    for key in [None, Some(key()), Some(AuthKey::new(""))] {
        for address in families() {
            let (mut options, mut client) = (Listener::options(), Client::options());
            if let Some(key) = &key {
                options.authkey(key.clone());
                client.authkey(key.clone());
            }
            let mut listener = options.bind(&address).unwrap();
            let address = listener.address().clone();
            let there = std::thread::spawn(move || client.connect(&address).unwrap());
            let mut here = listener.accept_timeout(LONG).unwrap();
            let mut there = there.join().unwrap();
            here.send_bytes(b"hello").unwrap();
            assert_eq!(there.recv_bytes_timeout(LONG).unwrap(), b"hello");
            there.send_bytes(b"").unwrap();
            assert_eq!(here.recv_bytes_into(&mut [0; 4]).unwrap(), 0);
        }
    }
}

#[test]
fn wrong_key_between_our_ends() {
    let mut listener = Listener::options().authkey(key()).bind(&unix()).unwrap();
    let address = listener.address().clone();
    let there = std::thread::spawn(move || {
        Client::options().authkey(AuthKey::new("wrong")).connect(&address)
    });
    let here = listener.accept_timeout(LONG);
    assert!(matches!(here, Err(AcceptError::Authentication { .. })), "{here:?}");
    let there = there.join().unwrap();
    assert!(matches!(there, Err(ConnectError::Authentication)), "{there:?}");
}

#[test]
fn silent_client_does_not_keep_others_waiting() {
    let mut listener = Listener::options().authkey(key()).bind(&tcp()).unwrap();
    let Address::Tcp(address) = listener.address().clone() else { unreachable!() };
    let mute = TcpStream::connect(address).unwrap();
    let there = std::thread::spawn(move || {
        Client::options().authkey(key()).connect(&Address::Tcp(address)).unwrap()
    });
    listener.accept_timeout(LONG).unwrap();
    there.join().unwrap();
    assert_eq!(listener.half_open(), 1);
    drop(mute);
}

/// Frames as CPython writes them, from its documentation.
#[test]
fn framing() {
    let (mut raw, mut connection) = pair();
    connection.send_bytes(b"abc").unwrap();
    let mut bytes = [0; 7];
    raw.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"\0\0\0\x03abc");

    raw.write_all(b"\0\0\0\x02hi\0\0\0\0").unwrap();
    raw.write_all(b"\xff\xff\xff\xff\0\0\0\0\0\0\0\x04long").unwrap();
    assert_eq!(connection.recv_bytes().unwrap(), b"hi");
    assert_eq!(connection.recv_bytes().unwrap(), b"");
    assert_eq!(connection.recv_bytes().unwrap(), b"long");
}

#[test]
fn every_byte_may_come_alone() {
    let (mut raw, mut connection) = pair();
    let bytes = b"\0\0\0\x02hi\xff\xff\xff\xff\0\0\0\0\0\0\0\x04long";
    let mut messages = Vec::new();
    for byte in bytes {
        raw.write_all(&[*byte]).unwrap();
        match connection.try_recv_bytes() {
            Ok(message) => messages.push(message),
            Err(RecvError::TimedOut) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(messages, [&b"hi"[..], b"long"]);
}

#[test]
fn ends_within_and_between_messages() {
    for cut in 0..7 {
        let (mut raw, mut connection) = pair();
        raw.write_all(&b"\0\0\0\x03abc"[..cut]).unwrap();
        drop(raw);
        let received = connection.recv_bytes();
        match cut {
            0 => assert!(matches!(received, Err(RecvError::Disconnected)), "{received:?}"),
            _ => assert!(matches!(received, Err(RecvError::Truncated)), "{cut}: {received:?}"),
        }
        assert!(matches!(connection.recv_bytes(), Err(RecvError::Disconnected)));
    }
}

#[test]
fn hostile_lengths() {
    let (mut raw, mut connection) = pair();
    raw.write_all(b"\xff\xff\xff\xfe").unwrap();
    for _ in 0..2 {
        assert!(matches!(connection.recv_bytes(), Err(RecvError::Protocol(_))));
    }

    let (mut raw, mut connection) = pair();
    connection.set_max_message_len(u64::MAX);
    raw.write_all(&[0xff; 12]).unwrap();
    raw.write_all(b"a little of that").unwrap();
    drop(raw);
    assert!(matches!(connection.recv_bytes(), Err(RecvError::Truncated)));
}

#[test]
fn limit_does_not_harm_the_connection() {
    let (mut raw, mut connection) = pair();
    connection.set_max_message_len(4);
    raw.write_all(b"\0\0\0\x05fives\0\0\0\x04four").unwrap();
    assert!(matches!(connection.recv_bytes(), Err(RecvError::TooLong { len: 5, limit: 4 })));
    let short = connection.recv_bytes_into(&mut [0; 3]);
    assert!(matches!(short, Err(RecvError::BufferTooShort { message }) if message == b"four"));
}

#[test]
fn time_running_out_loses_nothing() {
    let (mut raw, mut connection) = pair();
    raw.write_all(b"\0\0\0\x04ti").unwrap();
    let late = connection.recv_bytes_timeout(Duration::from_millis(5));
    assert!(matches!(late, Err(RecvError::TimedOut)));
    assert!(connection.poll(Some(Duration::ZERO)).unwrap());
    raw.write_all(b"me").unwrap();
    assert_eq!(connection.recv_bytes().unwrap(), b"time");
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

/// What our listener says to a client that answers its challenge with `response`.
fn respond(response: &[u8]) -> (Result<Connection, AcceptError>, Vec<u8>) {
    let mut listener = Listener::options().authkey(key()).bind(&tcp()).unwrap();
    let Address::Tcp(address) = listener.address().clone() else { unreachable!() };
    let bytes = framed(response);
    let client = std::thread::spawn(move || {
        let mut raw = TcpStream::connect(address).unwrap();
        let mut challenge = [0; 4 + 11 + 8 + 40];
        raw.read_exact(&mut challenge).unwrap();
        assert_eq!(challenge[..4 + 11 + 8], *b"\0\0\0\x3b#CHALLENGE#{sha256}");
        raw.write_all(&bytes).unwrap();
        let mut verdict = Vec::new();
        let _ = raw.read_to_end(&mut verdict);
        verdict
    });
    (listener.accept_timeout(LONG), client.join().unwrap())
}

#[test]
fn bad_responses() {
    let failure = framed(b"#FAILURE#");
    let (wrong, verdict) = respond(&[b"{sha256}".as_slice(), &[0; 32]].concat());
    assert!(matches!(wrong, Err(AcceptError::Authentication { .. })), "{wrong:?}");
    assert_eq!(verdict, failure);
    for legacy in [vec![7; 16], [b"{md5}".as_slice(), &[7; 16]].concat()] {
        let (md5, verdict) = respond(&legacy);
        assert!(
            matches!(&md5, Err(AcceptError::Protocol { what, .. }) if what.contains("MD5")),
            "{md5:?}"
        );
        assert_eq!(verdict, failure);
    }
    for other in [
        b"".to_vec(),
        b"{sha256}".to_vec(),
        b"{sha384}short".to_vec(),
        vec![b'x'; 257],
        vec![0; 300],
    ] {
        let (refused, _) = respond(&other);
        assert!(refused.is_err(), "{other:?}");
    }
}

/// What our client says to a listener that asks `challenge`.
fn challenge(challenge: &[u8]) -> ConnectError {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = Address::Tcp(listener.local_addr().unwrap());
    let bytes = framed(challenge);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let (mut raw, _) = listener.accept().unwrap();
            raw.write_all(&bytes).unwrap();
            let _ = raw.read(&mut [0; 64]);
        });
        Client::options().authkey(key()).connect(&address).unwrap_err()
    })
}

#[test]
fn bad_challenges() {
    let legacy = challenge(&[b"#CHALLENGE#".as_slice(), &[7; 20]].concat());
    assert!(matches!(legacy, ConnectError::Protocol(what) if what.contains("MD5")), "{legacy:?}");
    let md5 = challenge(b"#CHALLENGE#{md5}0123456789012345678901234567890123456789");
    assert!(matches!(md5, ConnectError::Protocol(what) if what.contains("MD5")), "{md5:?}");
    let none = challenge(b"hello");
    assert!(matches!(none, ConnectError::Protocol(_)), "{none:?}");
}

// From here on, Pythons.

/// A Python that knows SHA-256 challenges (3.12 and later), or one that does not.
fn python(modern: bool) -> Option<PathBuf> {
    let found = candidates().into_iter().find(|candidate| speaks(candidate, modern));
    if found.is_none() {
        let which = if modern { "3.12 or later" } else { "before 3.12" };
        eprintln!("skipped: there is no python3 {which} (MULTIPROC_PYTHON can name one)");
    }
    found
}

fn candidates() -> Vec<PathBuf> {
    let named = std::env::var_os("MULTIPROC_PYTHON").map(PathBuf::from);
    let on_path = ["python3.13", "python3.12", "python3", "python3.11"].map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let installed = std::fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
    let installed = installed.map(|version| version.path().join("bin/python3"));
    named.into_iter().chain(on_path).chain(installed).collect()
}

fn speaks(candidate: &PathBuf, modern: bool) -> bool {
    let test = "import sys, multiprocessing.connection; sys.exit(sys.version_info < (3, 12))";
    let mut command = Command::new(candidate);
    command.args(["-c", test]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.code() == Some(if modern { 0 } else { 1 }))
}

/// The address as Python writes it.
fn literal(address: &Address) -> String {
    match address {
        Address::Unix(path) => format!("{:?}", path.to_str().unwrap()),
        Address::Abstract(name) => format!("\"\\0\" + {:?}", str::from_utf8(name).unwrap()),
        Address::Tcp(address) => format!("({:?}, {})", address.ip().to_string(), address.port()),
    }
}

fn run(python: &PathBuf, script: &str) -> Reaped {
    let mut command = Command::new(python);
    command.args(["-c", &format!("from multiprocessing.connection import *\n{script}")]);
    Reaped(
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(),
    )
}

/// Waits for the script and returns what it printed; it must have succeeded.
fn output(process: &mut Reaped) -> String {
    let text = |pipe: Option<&mut dyn Read>| {
        let mut text = String::new();
        pipe.unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let Child { stdout, stderr, .. } = &mut process.0;
    let out = text(stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
    let err = text(stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
    assert!(process.0.wait().unwrap().success(), "{out}{err}");
    out
}

/// The first line of what the script prints.
fn line(process: &mut Reaped) -> String {
    // Byte by byte, so that nothing of what follows is taken.
    let stdout = process.0.stdout.as_mut().unwrap();
    let mut text = Vec::new();
    while text.last() != Some(&b'\n') {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        text.extend(byte);
    }
    String::from_utf8(text).unwrap().trim().to_string()
}

const KEY: &str = "b'a key for tests'";

#[test]
fn python_client_to_our_listener() {
    let Some(python) = python(true) else { return };
    for address in [unix(), abstract_name(), tcp()] {
        let mut listener = Listener::options().authkey(key()).bind(&address).unwrap();
        let mut client = run(
            &python,
            &format!(
                "with Client({}, authkey={KEY}) as c:
    for n in (0, 1, 16384, 16385, 3 << 20):
        c.send_bytes(b'x' * n)
        assert c.recv_bytes() == b'y' * n
    try: c.recv_bytes()
    except EOFError: print('end')",
                literal(listener.address())
            ),
        );
        let mut here = listener.accept_timeout(LONG).unwrap();
        for len in [0, 1, 16384, 16385, 3 << 20] {
            assert!(here.recv_bytes_timeout(LONG).unwrap() == vec![b'x'; len]);
            here.send_bytes(&vec![b'y'; len]).unwrap();
        }
        drop(here);
        assert_eq!(output(&mut client).trim(), "end");
    }
}

#[test]
fn our_client_to_python_listener() {
    let Some(python) = python(true) else { return };
    for (address, family) in [(unix(), "AF_UNIX"), (tcp(), "AF_INET")] {
        let local = family == "AF_UNIX";
        if let Address::Unix(path) = &address {
            std::fs::create_dir(path.parent().unwrap()).unwrap();
        }
        let place = if local { literal(&address) } else { "('127.0.0.1', 0)".into() };
        let mut host = run(
            &python,
            &format!(
                "with Listener({place}, family='{family}', authkey={KEY}) as l:
    print(l.address if {} else l.address[1], flush=True)
    with l.accept() as c:
        while True:
            try: c.send_bytes(c.recv_bytes()[::-1])
            except EOFError: break",
                if local { "True" } else { "False" }
            ),
        );
        let place = line(&mut host);
        let address = if local {
            Address::unix(place)
        } else {
            Address::Tcp(([127, 0, 0, 1], place.parse().unwrap()).into())
        };
        let mut there = Client::options().authkey(key()).timeout(LONG).connect(&address).unwrap();
        for len in [0, 3, 3 << 20] {
            let mut message = vec![b'a'; len];
            message.push(b'z');
            there.send_bytes(&message).unwrap();
            message.reverse();
            assert!(there.recv_bytes_timeout(LONG).unwrap() == message);
        }
        drop(there);
        output(&mut host);
        if let Address::Unix(path) = &address {
            let _ = std::fs::remove_dir(path.parent().unwrap());
        }
    }
}

#[test]
fn python_client_with_an_empty_key() {
    let Some(python) = python(true) else { return };
    let mut listener = Listener::options().authkey(AuthKey::new("")).bind(&unix()).unwrap();
    let script = format!("Client({}, authkey=b'').send_bytes(b'hi')", literal(listener.address()));
    let mut client = run(&python, &script);
    let mut here = listener.accept_timeout(LONG).unwrap();
    assert_eq!(here.recv_bytes_timeout(LONG).unwrap(), b"hi");
    output(&mut client);
}

#[test]
fn python_client_with_the_wrong_key() {
    let Some(python) = python(true) else { return };
    let mut listener = Listener::options().authkey(key()).bind(&tcp()).unwrap();
    let mut client = run(
        &python,
        &format!(
            "from multiprocessing import AuthenticationError
try: Client({}, authkey=b'wrong')
except AuthenticationError as e: print(e)",
            literal(listener.address())
        ),
    );
    let here = listener.accept_timeout(LONG);
    assert!(matches!(here, Err(AcceptError::Authentication { .. })), "{here:?}");
    assert_eq!(output(&mut client).trim(), "digest sent was rejected");
}

#[test]
fn python_listener_with_the_wrong_key() {
    let Some(python) = python(true) else { return };
    let mut host = run(
        &python,
        "from multiprocessing import AuthenticationError
with Listener(('127.0.0.1', 0), authkey=b'wrong') as l:
    print(l.address[1], flush=True)
    try: l.accept()
    except AuthenticationError as e: print(e)",
    );
    let address = Address::Tcp(([127, 0, 0, 1], line(&mut host).parse().unwrap()).into());
    let there = Client::options().authkey(key()).timeout(LONG).connect(&address);
    assert!(matches!(there, Err(ConnectError::Authentication)), "{there:?}");
    assert_eq!(output(&mut host).trim(), "digest received was wrong");
}

#[test]
fn old_python_is_refused() {
    let Some(python) = python(false) else { return };
    let mut listener = Listener::options().authkey(key()).bind(&tcp()).unwrap();
    let mut client = run(
        &python,
        &format!(
            "from multiprocessing import AuthenticationError
try: Client({}, authkey={KEY})
except AuthenticationError as e: print(e)",
            literal(listener.address())
        ),
    );
    let here = listener.accept_timeout(LONG);
    assert!(
        matches!(&here, Err(AcceptError::Protocol { what, .. }) if what.contains("MD5")),
        "{here:?}"
    );
    assert_eq!(output(&mut client).trim(), "digest sent was rejected");

    let mut host = run(
        &python,
        &format!(
            "with Listener(('127.0.0.1', 0), authkey={KEY}) as l:
    print(l.address[1], flush=True)
    try: l.accept()
    except Exception: print('refused')"
        ),
    );
    let address = Address::Tcp(([127, 0, 0, 1], line(&mut host).parse().unwrap()).into());
    let there = Client::options().authkey(key()).timeout(LONG).connect(&address);
    assert!(
        matches!(there, Err(ConnectError::Protocol(what)) if what.contains("MD5")),
        "{there:?}"
    );
    assert_eq!(output(&mut host).trim(), "refused");
}
