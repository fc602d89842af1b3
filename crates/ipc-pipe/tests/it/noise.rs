//! The handshake with an authkey, against everything that a client, a listener or a relay may do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use ipc_pipe::{
    AcceptError, Address, AuthKey, Client, ConnectError, Connection, Handle, Listener, RecvError,
    SendError, wait,
};

use crate::child;
use crate::meeting::{LONG, Raw, families, meet, tcp, unix};
use crate::relay::{Relay, Verdict};

pub(crate) const FRAME: usize = 64;
const REFUSED: u8 = 2;
const HANDSHAKE: u8 = 3;

fn key() -> AuthKey {
    AuthKey::new("a key for tests")
}

pub(crate) fn listener(address: &Address) -> Listener {
    Listener::options().authkey(key()).bind(address).unwrap()
}

pub(crate) fn connect(address: &Address) -> Result<Connection, ConnectError> {
    Client::options().authkey(key()).connect(address)
}

/// Two ends that know the key.
pub(crate) fn pair(address: &Address) -> (Connection, Connection) {
    let mut listener = listener(address);
    let (here, there) = meet(&mut listener, connect);
    (here.unwrap(), there.unwrap())
}

#[test]
fn all_families_connect() {
    for address in families() {
        let (mut here, mut there) = pair(&address);
        for len in [0, 1, 48, 49, 65_519, 65_520, 65_567, 65_568, 300_000] {
            let message = vec![7; len];
            std::thread::scope(|scope| {
                scope.spawn(|| there.send_bytes(&message).unwrap());
                assert_eq!(here.recv_bytes_timeout(LONG).unwrap(), message);
            });
            std::thread::scope(|scope| {
                scope.spawn(|| here.send_bytes(&message).unwrap());
                let mut buffer = vec![0; len];
                assert_eq!(there.recv_bytes_into_timeout(&mut buffer, LONG).unwrap(), len);
                assert_eq!(buffer, message);
            });
        }
    }
}

#[test]
fn empty_key_is_refused() {
    let empty = AuthKey::new("");
    let error = Listener::options().authkey(empty.clone()).bind(&unix()).unwrap_err();
    assert!(error.to_string().contains("empty authkey"), "{error}");
    let listener = Listener::bind(&unix()).unwrap();
    let error = Client::options().authkey(empty).connect::<(), ()>(listener.address()).unwrap_err();
    assert!(error.to_string().contains("empty authkey"), "{error}");
}

#[test]
fn wrong_key() {
    for address in families() {
        let mut listener = listener(&address);
        let (here, there) = meet(&mut listener, |address| {
            Client::options().authkey(AuthKey::new("wrong")).connect::<(), ()>(address)
        });
        assert!(matches!(here, Err(AcceptError::Authentication { .. })), "{here:?}");
        assert!(matches!(there, Err(ConnectError::Authentication)), "{there:?}");
        let (here, there) = meet(&mut listener, connect);
        assert!(here.is_ok() && there.is_ok());
    }
}

#[test]
fn client_without_a_key() {
    for address in families() {
        let mut listener = listener(&address);
        let (here, there) = meet(&mut listener, |address| {
            let mut there: Connection = Client::connect(address).unwrap();
            there.send_bytes(b"a message where a handshake is due").unwrap();
            there.recv_bytes_timeout(LONG)
        });
        assert!(matches!(here, Err(AcceptError::Refused { .. })), "{here:?}");
        assert!(
            matches!(there, Err(RecvError::Refused(why)) if why.contains("authkey")),
            "{there:?}"
        );
    }
}

#[test]
fn listener_without_a_key() {
    for address in families() {
        let mut listener = Listener::bind(&address).unwrap();
        let (here, there) = std::thread::scope(|scope| {
            let address = listener.address().clone();
            let client = scope.spawn(move || connect(&address));
            let mut here: Connection = listener.accept().unwrap();
            (here.recv_bytes_timeout(LONG), client.join().unwrap())
        });
        assert!(
            matches!(here, Err(RecvError::Protocol(why)) if why.contains("authkey")),
            "{here:?}"
        );
        assert!(matches!(there, Err(ConnectError::Refused(_))), "{there:?}");
    }
}

#[test]
fn listener_without_a_key_that_speaks_first() {
    let mut listener = Listener::bind(&tcp()).unwrap();
    let (here, there) = meet(&mut listener, |address| {
        let address = address.clone();
        std::thread::spawn(move || connect(&address))
    });
    here.unwrap().send_bytes(b"hello").unwrap();
    let there = there.join().unwrap();
    assert!(matches!(there, Err(ConnectError::Refused(_))), "{there:?}");
}

#[test]
fn kinds_of_sockets_are_told_apart() {
    // A relay from TCP to a unix socket would make one end send in clear what the other believes
    // to be encrypted.
    let mut inner = listener(&unix());
    let relay = Relay::to(inner.address().clone(), Relay::pass);
    let (here, there) = meet(&mut inner, |_| connect(&relay.address));
    assert!(matches!(here, Err(AcceptError::Authentication { .. })), "{here:?}");
    assert!(matches!(there, Err(ConnectError::Authentication)), "{there:?}");
}

#[test]
fn silent_client_does_not_keep_others_waiting() {
    for address in [unix(), tcp()] {
        let mut listener =
            Listener::options().authkey(key()).handshake_timeout(LONG).bind(&address).unwrap();
        let mute = Raw::connect(listener.address());
        for _ in 0..3 {
            let (here, there) = meet(&mut listener, connect);
            assert!(here.is_ok() && there.is_ok());
        }
        assert_eq!(listener.half_open(), 1);
        drop(mute);
        let gone = listener.accept_timeout::<(), ()>(LONG);
        assert!(matches!(gone, Err(AcceptError::Disconnected { .. })), "{gone:?}");
    }
}

#[test]
fn silent_client_is_reported_when_its_time_is_up() {
    for address in [unix(), tcp()] {
        let timeout = Duration::from_millis(50);
        let mut listener =
            Listener::options().authkey(key()).handshake_timeout(timeout).bind(&address).unwrap();
        let start = Instant::now();
        let mut mute = Raw::connect(listener.address());
        let silent = listener.accept::<(), ()>();
        assert!(matches!(silent, Err(AcceptError::HandshakeTimedOut { .. })), "{silent:?}");
        assert!(start.elapsed() >= timeout);
        assert_eq!(listener.half_open(), 0);
        assert_eq!(mute.read_to_end(), frame(REFUSED, &[4]));
    }
}

#[test]
fn two_hundred_mute_clients() {
    let mut options = Listener::options();
    options.authkey(key()).max_half_open(64).handshake_timeout(LONG);
    let mut listener = options.bind(&unix()).unwrap();
    let address = listener.address().clone();
    let client = std::thread::spawn(move || {
        let mute: Vec<Raw> = (0..200).map(|_| Raw::connect(&address)).collect();
        (mute, connect(&address).unwrap())
    });
    let mut crowded = 0;
    let here: Connection = loop {
        match listener.accept_timeout(LONG) {
            Err(AcceptError::Crowded { .. }) => crowded += 1,
            other => break other.unwrap(),
        }
        assert!(listener.half_open() <= 64);
    };
    let (mute, there) = client.join().unwrap();
    assert_eq!(crowded + listener.half_open(), 200);
    drop((mute, here, there));
    while listener.half_open() > 0 {
        let gone = listener.accept_timeout::<(), ()>(LONG);
        assert!(matches!(gone, Err(AcceptError::Disconnected { .. })), "{gone:?}");
    }
}

#[test]
fn handshake_timeout_of_the_client() {
    let listener = listener(&unix());
    let start = Instant::now();
    let error = Client::options()
        .authkey(key())
        .handshake_timeout(Duration::from_millis(30))
        .connect::<(), ()>(listener.address())
        .unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut), "{error:?}");
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[test]
fn can_be_waited_for() {
    let mut listener = listener(&unix());
    let address = listener.address().clone();
    let client = std::thread::spawn(move || connect(&address).unwrap());
    let here: Connection = loop {
        assert_eq!(wait(&[&listener], Some(LONG)).unwrap(), [0]);
        match listener.try_accept() {
            Err(AcceptError::TimedOut) => {}
            other => break other.unwrap(),
        }
    };
    drop((here, client.join().unwrap()));
    assert!(wait(&[&listener], Some(Duration::ZERO)).unwrap().is_empty());
}

type Expected = fn(&AcceptError) -> bool;

#[test]
fn garbage_and_truncated_handshakes() {
    let mut listener = listener(&tcp());
    let mut wrong_length = frame(HANDSHAKE, &[0; 48]);
    wrong_length[8] = 47;
    let cases: [(Vec<u8>, Expected); 7] = [
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n".to_vec(), |e| {
            matches!(e, AcceptError::Protocol { .. })
        }),
        (vec![0; 4096], |e| matches!(e, AcceptError::Protocol { .. })),
        (wrong_length, |e| matches!(e, AcceptError::Protocol { .. })),
        (frame(HANDSHAKE, &[0; 48]), |e| matches!(e, AcceptError::Authentication { .. })),
        (frame(HANDSHAKE, &[0xff; 48]), |e| matches!(e, AcceptError::Authentication { .. })),
        (frame(HANDSHAKE, &[1; 48])[..63].to_vec(), |e| {
            matches!(e, AcceptError::Disconnected { .. })
        }),
        (Vec::new(), |e| matches!(e, AcceptError::Disconnected { .. })),
    ];
    for (bytes, expected) in cases {
        let mut raw = Raw::connect(listener.address());
        raw.write(&bytes);
        drop(raw);
        let error = listener.accept_timeout::<(), ()>(LONG).unwrap_err();
        // What is left unread in a closed socket of TCP may reset the connection first.
        let reset = matches!(error, AcceptError::Disconnected { .. });
        assert!(expected(&error) || reset, "{bytes:?}: {error:?}");
    }
    let (here, there) = meet(&mut listener, connect);
    assert!(here.is_ok() && there.is_ok());
}

#[test]
fn dribbling_client() {
    let mut listener = listener(&unix());
    let mut raw = Raw::connect(listener.address());
    for byte in frame(HANDSHAKE, &[3; 48]) {
        assert!(matches!(listener.try_accept::<(), ()>(), Err(AcceptError::TimedOut)));
        raw.write(&[byte]);
    }
    let error = listener.accept_timeout::<(), ()>(LONG).unwrap_err();
    assert!(matches!(error, AcceptError::Authentication { .. }), "{error:?}");
    assert_eq!(raw.read_to_end(), frame(REFUSED, &[1]));
}

#[test]
fn replayed_first_message() {
    // Recorded from a client that knows the key.
    let recorder = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = Address::Tcp(recorder.local_addr().unwrap());
    let client = std::thread::spawn(move || connect(&address));
    let mut first = vec![0; FRAME];
    recorder.accept().unwrap().0.read_exact(&mut first).unwrap();
    assert!(matches!(client.join().unwrap(), Err(ConnectError::Disconnected)));

    let mut listener = listener(&tcp());
    let (here, answer) = meet(&mut listener, |address| {
        let mut raw = Raw::connect(address);
        raw.write(&first);
        let answer = raw.read_exact(FRAME);
        // The best that can be done without the ephemeral key.
        raw.write(&answer);
        (answer, raw.read_to_end())
    });
    assert_eq!(answer.0[2], HANDSHAKE);
    assert_eq!(answer.1, frame(REFUSED, &[1]));
    assert!(matches!(here, Err(AcceptError::Authentication { .. })), "{here:?}");
}

#[test]
fn reflected_messages() {
    // A listener that knows nothing sends back what it gets.
    let mirror = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = Address::Tcp(mirror.local_addr().unwrap());
    let client = std::thread::spawn(move || connect(&address));
    let (mut socket, _) = mirror.accept().unwrap();
    let mut first = [0; FRAME];
    socket.read_exact(&mut first).unwrap();
    socket.write_all(&first).unwrap();
    let there = client.join().unwrap();
    assert!(matches!(there, Err(ConnectError::Authentication)), "{there:?}");

    // One client that knows nothing uses another connection to the listener to answer for it.
    let mut listener = listener(&tcp());
    let (one, other) = (connect_raw(&listener), connect_raw(&listener));
    let genuine = std::thread::spawn({
        let address = listener.address().clone();
        move || connect(&address)
    });
    let here: Connection = listener.accept_timeout(LONG).unwrap();
    drop((here, genuine.join().unwrap().unwrap()));
    let (mut one, mut other) = (one, other);
    one.write(&first);
    assert!(matches!(
        listener.accept_timeout::<(), ()>(Duration::from_millis(50)),
        Err(AcceptError::TimedOut)
    ));
    let answer = one.read_exact(FRAME);
    other.write(&answer);
    let error = listener.accept_timeout::<(), ()>(LONG).unwrap_err();
    assert!(matches!(error, AcceptError::Authentication { .. }), "{error:?}");
}

fn connect_raw(listener: &Listener) -> Raw {
    Raw::connect(listener.address())
}

#[test]
fn changed_handshake_is_noticed() {
    for (number, from_client) in [(0, true), (0, false), (1, true), (1, false)] {
        for byte in [2, 8, 16, 47, 48, 63] {
            let mut listener = listener(&tcp());
            let relay = Relay::to(listener.address().clone(), move |client, seen, bytes| {
                if client == from_client && seen / FRAME == number {
                    bytes[byte] ^= 1;
                }
                Verdict::Pass
            });
            let (here, there) = meet(&mut listener, |_| {
                let there = connect(&relay.address);
                there.and_then(|mut there| {
                    there.recv_bytes_timeout(LONG).map_err(|_| ConnectError::Disconnected)
                })
            });
            assert!(there.is_err(), "message {number}, byte {byte}: {there:?}");
            // The listener is done when it has sent its last message.
            let last_of_listener = !from_client && number == 1;
            assert!(here.is_err() || last_of_listener, "message {number}, byte {byte}: {here:?}");
        }
    }
}

#[test]
fn descriptors_ride_on_unix_only() {
    for address in families() {
        let mut listener = listener(&address);
        let (here, there) = meet(&mut listener, |address| {
            Client::options().authkey(key()).connect::<Handle<std::fs::File>, ()>(address)
        });
        let (mut here, mut there) = (here.unwrap().split().1, there.unwrap());
        let sent = there.send(&Handle(std::fs::File::open("/dev/null").unwrap()));
        if address.is_local() {
            sent.unwrap();
            assert!(here.poll(Some(LONG)).unwrap());
        } else {
            assert!(matches!(sent, Err(SendError::Encode(_))), "{sent:?}");
            there.send_bytes(b"still good").unwrap();
            assert_eq!(here.recv_bytes().unwrap(), b"still good");
        }
    }
}

#[test]
fn nothing_is_left_of_failed_clients() {
    child::run_alone("noise::counted");
}

#[test]
#[ignore = "the child of another test"]
fn counted() {
    if !child::is_child() {
        return;
    }
    let mut listener = listener(&unix());
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for bytes in [&[][..], &[0; 64], &frame(HANDSHAKE, &[1; 48])] {
        for _ in 0..100 {
            Raw::connect(listener.address()).write(bytes);
            assert!(listener.accept_timeout::<(), ()>(LONG).is_err());
        }
    }
    assert_eq!(open(), before);
}

fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = crate::raw::header(kind, 0, body.len() as u64);
    bytes.extend(body);
    bytes.resize(FRAME, 0);
    bytes
}
