//! Where a listener can be found.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sys::net;

const FOLDER_PREFIX: &str = "multiproc-";
const SOCKET_NAME: &str = "socket";

/// Where a [`Listener`](crate::Listener) can be found.
///
/// It is a plain value that can be sent to other processes, and it has a text form for
/// configuration files and command lines: `unix:/run/app.sock`, `abstract:name`,
/// `tcp:127.0.0.1:80`. Bytes of a path or name that are not printable ASCII are written as `%` and
/// two hexadecimal digits.
///
/// # Examples
///
/// ```
/// use ipc_pipe::Address;
///
/// let address: Address = "tcp:127.0.0.1:8000".parse()?;
/// assert_eq!(address, Address::Tcp(([127, 0, 0, 1], 8000).into()));
/// assert_eq!(Address::unix("/run/my app").to_string(), "unix:/run/my%20app");
/// # Ok::<(), ipc_pipe::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// A unix socket in the file system, which only users who may write to the file can connect to.
    Unix(PathBuf),
    /// A unix socket with a name of any bytes in the abstract namespace of Linux.
    ///
    /// It needs no cleaning up, but it has no permissions either: every user of the same network
    /// namespace can connect to it, or take the name first. Both ends therefore look at the user
    /// of their peer.
    Abstract(Vec<u8>),
    /// A TCP socket. Port 0 is any free port.
    Tcp(SocketAddr),
}

/// A text is not the address of anything that a listener can be bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError(String);

impl Address {
    /// A unix socket in the file system.
    pub fn unix(path: impl Into<PathBuf>) -> Address {
        Address::Unix(path.into())
    }

    /// A unix socket in the abstract namespace.
    pub fn abstract_name(name: impl Into<Vec<u8>>) -> Address {
        Address::Abstract(name.into())
    }

    /// A unix socket in a private folder that does not exist yet.
    ///
    /// The folder is made when a listener is bound to the address, for this user only (mode 0700),
    /// in `$XDG_RUNTIME_DIR` or else the folder for temporary files, and it is removed with the
    /// listener. Nobody can guess its name.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub fn temporary() -> io::Result<Address> {
        let root = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let root = root.filter(|root| root.is_absolute() && root.is_dir());
        let number = u64::from_le_bytes(net::random_bytes()?);
        let folder = format!("{FOLDER_PREFIX}{number:016x}");
        let root = root.unwrap_or_else(std::env::temp_dir);
        Ok(Address::Unix(root.join(folder).join(SOCKET_NAME)))
    }

    /// True if this is the kind of address that only processes of the same machine can reach, and
    /// over which descriptors travel.
    pub fn is_local(&self) -> bool {
        !matches!(self, Address::Tcp(_))
    }

    /// The folder that is made and removed with the listener, if this is a temporary address.
    pub(crate) fn private_folder(&self) -> Option<&Path> {
        let Address::Unix(path) = self else { return None };
        let folder = path.parent()?;
        let number = folder.file_name()?.to_str()?.strip_prefix(FOLDER_PREFIX)?;
        let is_ours = path.file_name()? == SOCKET_NAME
            && number.len() == 16
            && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_ours.then_some(folder)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Tcp(address)
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Address {
        Address::Unix(path)
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Address {
        Address::Unix(path.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => escape("unix:", path.as_os_str().as_bytes(), formatter),
            Address::Abstract(name) => escape("abstract:", name, formatter),
            Address::Tcp(address) => write!(formatter, "tcp:{address}"),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let foreign = || AddressError(text.to_string());
        let (kind, rest) = text.split_once(':').ok_or_else(foreign)?;
        match kind {
            "unix" if !rest.is_empty() => {
                let path = OsString::from_vec(unescape(rest).ok_or_else(foreign)?);
                Ok(Address::Unix(path.into()))
            }
            "abstract" => unescape(rest).map(Address::Abstract).ok_or_else(foreign),
            "tcp" => rest.parse().map(Address::Tcp).map_err(|_| foreign()),
            _ => Err(foreign()),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Address, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AddressError(text) = self;
        write!(formatter, "{text:?} is no address; write unix:PATH, abstract:NAME or tcp:IP:PORT")
    }
}

impl std::error::Error for AddressError {}

fn escape(kind: &str, bytes: &[u8], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    formatter.write_str(kind)?;
    bytes.iter().try_for_each(|&byte| match byte {
        b'%' => formatter.write_str("%25"),
        byte if byte.is_ascii_graphic() => write!(formatter, "{}", char::from(byte)),
        byte => write!(formatter, "%{byte:02x}"),
    })
}

/// Undoes [`escape`]; none if a `%` is not followed by two hexadecimal digits.
fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}
