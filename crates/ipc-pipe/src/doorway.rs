//! A bound, listening socket and what it leaves in the file system.
//!
//! | step | what is left if the process is killed here |
//! |---|---|
//! | make the private folder of a temporary address | an empty folder |
//! | bind | both; connecting is refused, and binding there again is an error that says so |
//! | remove the file, remove the folder | the empty folder |

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::sys::net;

/// A listening socket; its file is removed with it.
#[derive(Debug)]
pub(crate) struct Doorway {
    socket: OwnedFd,
    address: Address,
    _file: Option<SocketFile>,
}

/// The file of a listening socket, to be removed if it is still ours.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    folder: Option<PathBuf>,
    identity: (u64, u64),
    process: u32,
}

impl Doorway {
    pub(crate) fn open(address: &Address, backlog: u32) -> io::Result<Doorway> {
        let folder = address.private_folder();
        if let Some(folder) = folder {
            make_folder(folder).map_err(|error| explain(address, error))?;
        }
        let socket = net::listen(address, backlog).map_err(|error| {
            folder.into_iter().for_each(remove_folder);
            explain(address, error)
        })?;
        let mut address = address.clone();
        let mut file = None;
        match &mut address {
            Address::Tcp(tcp) => *tcp = net::tcp_address(socket.as_fd())?,
            Address::Unix(path) => file = Some(SocketFile::at(path, folder)?),
            Address::Abstract(_) => {}
        }
        Ok(Doorway { socket, address, _file: file })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }
}

impl AsFd for Doorway {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl SocketFile {
    fn at(path: &Path, folder: Option<&Path>) -> io::Result<SocketFile> {
        Ok(SocketFile {
            // The working directory may be another one by the time the file is removed.
            path: std::path::absolute(path)?,
            folder: folder.map(std::path::absolute).transpose()?,
            identity: net::identity(path)?,
            process: std::process::id(),
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = self.process == std::process::id()
            && net::identity(&self.path).is_ok_and(|identity| identity == self.identity);
        if is_ours {
            // Whoever removed the file meanwhile has done what is wanted.
            let _ = std::fs::remove_file(&self.path);
            self.folder.as_deref().into_iter().for_each(remove_folder);
        }
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    net::make_private_folder(folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::ErrorKind::AddrInUse.into(),
        _ => error,
    })
}

fn remove_folder(folder: &Path) {
    // A folder in which somebody has put something is not ours to empty.
    let _ = std::fs::remove_dir(folder);
}

/// Adds the address, and what can be done about it.
#[cold]
fn explain(address: &Address, error: io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse if is_dead(address) => {
            "; nobody listens there any more, remove the file to use its path again"
        }
        io::ErrorKind::PermissionDenied => "; it is not allowed to make a socket there",
        io::ErrorKind::NotFound => "; its folder does not exist",
        _ => "",
    };
    io::Error::new(error.kind(), format!("cannot listen at {address}: {error}{advice}"))
}

/// True if there is the file of a socket whose listener is gone.
fn is_dead(address: &Address) -> bool {
    matches!(address, Address::Unix(_))
        && net::connect(address, Deadline::now())
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
