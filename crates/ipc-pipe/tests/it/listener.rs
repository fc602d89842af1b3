//! Listeners, with and without slow, hostile and dead clients. What needs an authkey is in `noise`.

use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ipc_pipe::{
    AcceptError, Address, Client, ConnectError, Connection, Listener, Peer, RecvError, wait,
};

use crate::meeting::{LONG, Raw, abstract_name, families, tcp, unix};
use crate::{child, signals};

fn path_of(address: &Address) -> PathBuf {
    let Address::Unix(path) = address else { panic!("{address} is no path") };
    path.clone()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn all_families_connect() {
    for address in families() {
        let mut listener = Listener::bind(&address).unwrap();
        let mut there: Connection<String> = Client::connect(listener.address()).unwrap();
        let mut here: Connection<String> = listener.accept().unwrap();
        there.send(&"hello".into()).unwrap();
        assert_eq!(here.recv().unwrap(), "hello");
        here.send(&"world".into()).unwrap();
        assert_eq!(there.recv_timeout(LONG).unwrap(), "world");
    }
}

#[test]
fn issue14725_client_is_gone_before_it_is_accepted() {
    for address in families() {
        let mut listener = Listener::bind(&address).unwrap();
        let mut there: Connection<String> = Client::connect(listener.address()).unwrap();
        there.send(&"hello".into()).unwrap();
        drop(there);
        let mut here: Connection<String> = listener.accept().unwrap();
        assert_eq!(here.recv().unwrap(), "hello");
        assert!(matches!(here.recv(), Err(RecvError::Disconnected)));
    }
}

#[test]
fn issue16955_client_sees_what_the_accepted_end_sends() {
    for address in families() {
        let mut listener = Listener::bind(&address).unwrap();
        let mut there: Connection<String> = Client::connect(listener.address()).unwrap();
        let mut here: Connection<String> = listener.accept().unwrap();
        assert!(!there.poll(Some(Duration::ZERO)).unwrap());
        here.send(&"hello".into()).unwrap();
        assert!(there.poll(Some(LONG)).unwrap());
        assert_eq!(there.recv().unwrap(), "hello");
    }
}

#[test]
fn multiple_bind() {
    for address in families() {
        let listener = Listener::bind(&address).unwrap();
        let error = Listener::bind(listener.address()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse, "{error}");
        assert!(error.to_string().contains(&listener.address().to_string()), "{error}");
        Client::connect::<(), ()>(listener.address()).unwrap();
    }
}

#[test]
fn drop_removes_the_file_and_closes() {
    for address in families() {
        let listener = Listener::bind(&address).unwrap();
        let address = listener.address().clone();
        drop(listener);
        let error = Client::connect::<(), ()>(&address).unwrap_err();
        assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
        if let Address::Unix(path) = &address {
            assert!(!path.parent().unwrap().exists());
        }
        Listener::bind(&address).unwrap();
    }
}

#[test]
fn files_are_private() {
    let listener = Listener::bind(&unix()).unwrap();
    let path = path_of(listener.address());
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn file_of_somebody_else_is_left_alone() {
    let listener = Listener::bind(&unix()).unwrap();
    let path = path_of(listener.address());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "somebody else's").unwrap();
    drop(listener);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody else's");
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn file_of_a_dead_listener_is_an_error_with_advice() {
    let path = std::env::temp_dir().join(format!("dead-{}", std::process::id()));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let error = Listener::bind(&Address::unix(&path)).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(error.to_string().contains("remove the file"), "{error}");
}

#[test]
fn unaccepted_client_sees_the_end() {
    for address in families() {
        let listener = Listener::bind(&address).unwrap();
        let mut there: Connection<u8> = Client::connect(listener.address()).unwrap();
        drop(listener);
        assert!(matches!(there.recv_timeout(LONG), Err(RecvError::Disconnected)));
    }
}

#[test]
fn deadlines() {
    let mut listener = Listener::bind(&unix()).unwrap();
    let timed_out = |result: Result<Connection, AcceptError>| match result {
        Err(AcceptError::TimedOut) => {}
        other => panic!("{other:?}"),
    };
    let start = Instant::now();
    timed_out(listener.try_accept());
    timed_out(listener.accept_timeout(Duration::from_millis(20)));
    assert!(start.elapsed() >= Duration::from_millis(20));
    timed_out(listener.accept_deadline(start));
}

#[test]
fn can_be_waited_for() {
    for address in families() {
        let mut listener = Listener::bind(&address).unwrap();
        assert!(wait(&[&listener], Some(Duration::ZERO)).unwrap().is_empty());
        let _there: Connection = Client::connect(listener.address()).unwrap();
        assert_eq!(wait(&[&listener], Some(LONG)).unwrap(), [0]);
        let _here: Connection = listener.try_accept().unwrap();
        assert!(wait(&[&listener], Some(Duration::ZERO)).unwrap().is_empty());
    }
}

#[test]
fn last_peer() {
    let mut listener = Listener::bind(&unix()).unwrap();
    assert_eq!(listener.last_peer(), None);
    let _there: Connection = Client::connect(listener.address()).unwrap();
    let _here: Connection = listener.accept().unwrap();
    let Some(Peer::Local { pid, uid }) = listener.last_peer() else { panic!("{listener:?}") };
    assert_eq!(pid, std::process::id());
    // SAFETY: has no conditions.
    assert_eq!(uid, unsafe { libc::geteuid() });

    let mut listener = Listener::bind(&tcp()).unwrap();
    let there: Connection = Client::connect(listener.address()).unwrap();
    let _here: Connection = listener.accept().unwrap();
    let Some(Peer::Remote(address)) = listener.last_peer() else { panic!("{listener:?}") };
    assert!(address.ip().is_loopback());
    drop(there);
}

#[test]
fn everything_is_closed_on_exec() {
    let mut listener = Listener::bind(&unix()).unwrap();
    let there: Connection = Client::connect(listener.address()).unwrap();
    let here: Connection = listener.accept().unwrap();
    for fd in [listener.as_fd(), there.as_fd(), here.as_fd()] {
        // SAFETY: reads the flags of a descriptor that is open.
        let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
        assert_eq!(flags, libc::FD_CLOEXEC);
    }
}

#[test]
fn limit_for_messages_is_passed_on() {
    let mut listener = Listener::options().max_message_len(8).bind(&unix()).unwrap();
    let mut there: Connection =
        Client::options().max_message_len(4).connect(listener.address()).unwrap();
    let mut here: Connection = listener.accept().unwrap();
    there.send_bytes(b"nine bytes").unwrap();
    assert!(matches!(here.recv_bytes(), Err(RecvError::TooLong { limit: 8, .. })));
    here.send_bytes(b"nine bytes").unwrap();
    assert!(matches!(there.recv_bytes(), Err(RecvError::TooLong { limit: 4, .. })));
}

#[test]
fn connecting_to_a_full_queue_times_out() {
    let listener = Listener::options().backlog(0).bind(&unix()).unwrap();
    let mut options = Client::options();
    options.timeout(Duration::from_millis(50));
    let mut waiting: Vec<Connection> = Vec::new();
    let error = loop {
        match options.connect(listener.address()) {
            Ok(connection) => waiting.push(connection),
            Err(error) => break error,
        }
        assert!(waiting.len() < 10);
    };
    assert!(matches!(error, ConnectError::TimedOut), "{error:?}");
}

#[test]
fn garbage_without_a_key_is_an_error_of_the_connection() {
    let mut listener = Listener::bind(&unix()).unwrap();
    let mut raw = Raw::connect(listener.address());
    raw.write(b"GET / HTTP/1.1\r\nHost: somewhere that is no connection of ours\r\n\r\n");
    let mut here: Connection = listener.accept().unwrap();
    assert!(matches!(here.recv_bytes(), Err(RecvError::Protocol(_))));
}

#[test]
fn forked_children_do_not_remove_the_file() {
    // A process that is not the one that bound the socket is stood in for by the listener's rule:
    // what counts is the process id, so it can only be seen from a fork.
    child::run_alone("listener::forked_child");
}

#[test]
#[ignore = "the child of another test"]
fn forked_child() {
    if !child::is_child() {
        return;
    }
    let listener = Listener::bind(&unix()).unwrap();
    let path = path_of(listener.address());
    // SAFETY: the child only drops the listener, which makes system calls, and exits.
    match unsafe { libc::fork() } {
        0 => {
            drop(listener);
            // SAFETY: has no conditions.
            unsafe { libc::_exit(0) }
        }
        pid => {
            let pid = rustix::process::Pid::from_raw(pid);
            let status = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
            assert_eq!(status.unwrap().unwrap().1.exit_status(), Some(0));
            assert!(path.exists());
            Client::connect::<(), ()>(listener.address()).unwrap();
        }
    }
}

#[test]
fn interrupted_accept_goes_on() {
    child::run_alone("listener::interrupted");
}

#[test]
#[ignore = "the child of another test"]
fn interrupted() {
    if !child::is_child() {
        return;
    }
    signals::handle_without_restart();
    let mut listener = Listener::bind(&unix()).unwrap();
    signals::under_signals(move |slowly| {
        let address = listener.address().clone();
        let client = std::thread::spawn(move || {
            slowly();
            Client::connect::<(), ()>(&address).unwrap().send_bytes(b"late").unwrap();
        });
        let mut here: Connection = listener.accept().unwrap();
        assert_eq!(here.recv_bytes().unwrap(), b"late");
        client.join().unwrap();
    });
}

const FOREIGN_USER: u32 = 65_534;

#[test]
fn wrong_user() {
    if !can_be_foreign() {
        return;
    }
    let mut listener = Listener::bind(&abstract_name()).unwrap();
    let stranger = foreign(listener.address(), "listener::stranger");
    match listener.accept_timeout::<(), ()>(LONG) {
        Err(AcceptError::WrongUser { uid: FOREIGN_USER, peer: Peer::Local { .. } }) => {}
        other => panic!("{other:?}"),
    }
    finish(stranger);

    let mut listener = Listener::options().any_uid().bind(&abstract_name()).unwrap();
    let stranger = foreign(listener.address(), "listener::welcome_stranger");
    let mut here: Connection<u8> = listener.accept_timeout(LONG).unwrap();
    here.send(&1).unwrap();
    finish(stranger);
}

/// Runs an ignored test as another user.
fn foreign(address: &Address, name: &str) -> child::Reaped {
    use std::os::unix::process::CommandExt;

    let mut command = child::command(name);
    command.env("ADDRESS", address.to_string()).current_dir("/");
    command.stdin(std::process::Stdio::null()).uid(FOREIGN_USER).gid(FOREIGN_USER);
    child::Reaped(command.spawn().unwrap())
}

/// Says why a test is skipped unless this process can become another user, who can run this file.
fn can_be_foreign() -> bool {
    use std::os::unix::process::CommandExt;

    let mut probe = std::process::Command::new(std::env::current_exe().unwrap());
    probe.arg("--list").stdout(std::process::Stdio::null()).current_dir("/");
    let started = probe.uid(FOREIGN_USER).gid(FOREIGN_USER).status();
    let possible = started.is_ok_and(|status| status.success());
    if !possible {
        eprintln!(
            "skipped: only root can start a process of another user, who must reach this file"
        );
    }
    possible
}

fn finish(mut stranger: child::Reaped) {
    assert!(stranger.0.wait().unwrap().success());
}

#[test]
#[ignore = "the child of another test"]
fn stranger() {
    let Ok(address) = std::env::var("ADDRESS") else { return };
    let mut there: Connection<u8> = Client::connect(&address.parse().unwrap()).unwrap();
    let result = there.recv_timeout(LONG);
    assert!(matches!(result, Err(RecvError::Refused(why)) if why.contains("user")), "{result:?}");
}

#[test]
#[ignore = "the child of another test"]
fn welcome_stranger() {
    let Ok(address) = std::env::var("ADDRESS") else { return };
    let mut there: Connection<u8> = Client::connect(&address.parse().unwrap()).unwrap();
    assert_eq!(there.recv_timeout(LONG).unwrap(), 1);
}

#[test]
fn client_of_a_foreign_listener_turns_away() {
    if !can_be_foreign() {
        return;
    }
    let address = abstract_name();
    let host = foreign(&address, "listener::foreign_host");
    let end = Instant::now() + LONG;
    let error = loop {
        match Client::connect::<(), ()>(&address) {
            // The other process has not bound its socket yet.
            Err(ConnectError::Io(_)) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(5));
            }
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(error, ConnectError::WrongUser { uid: FOREIGN_USER }), "{error:?}");
    let mut here: Connection = Client::options().any_uid().connect(&address).unwrap();
    here.send_bytes(b"enough").unwrap();
    finish(host);
}

#[test]
#[ignore = "the child of another test"]
fn foreign_host() {
    let Ok(address) = std::env::var("ADDRESS") else { return };
    let mut listener = Listener::options().any_uid().bind(&address.parse().unwrap()).unwrap();
    loop {
        let mut here: Connection = listener.accept_timeout(LONG).unwrap();
        if let Ok(bytes) = here.recv_bytes_timeout(LONG) {
            assert_eq!(bytes, b"enough");
            return;
        }
    }
}
