//! Processes that do not descend from each other meet here, and wait for many things at once.
//!
//! A [`Listener`] and a [`Client`] find each other by an [`Address`]: a unix socket in the file
//! system or the abstract namespace, or TCP. What they get are [`Connection`](crate::Connection)s
//! like those of [`duplex`](crate::duplex). [`wait`] waits for any of many connections, listeners,
//! sentinels of processes and other descriptors.
//!
//! With an [`AuthKey`] both ends prove that they know it. On TCP everything that follows is then
//! encrypted and authenticated; on unix sockets it stays in clear, since the kernel connects the
//! two processes and names their users, and descriptors can ride. **TCP without a key is open to
//! whoever reaches the port**: [`Listener`] has the table.
//!
//! The module [`python`] speaks to programs that use Python's `multiprocessing.connection`.
//!
//! # Examples
//!
//! ```
//! use multiproc::Process;
//! use multiproc::connection::{Address, AuthKey, Client, Listener};
//!
//! fn ask(address: Address, key: AuthKey) -> String {
//!     let mut connection =
//!         Client::options().authkey(key).connect::<u32, String>(&address).expect("it listens");
//!     connection.send(&7).expect("it reads");
//!     connection.recv().expect("it answers")
//! }
//!
//! #[multiproc::main]
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let key = AuthKey::generate()?;
//!     let anywhere = Address::Tcp(([127, 0, 0, 1], 0).into());
//!     let mut listener = Listener::options().authkey(key.clone()).bind(&anywhere)?;
//!
//!     let client = Process::new(ask, (listener.address().clone(), key)).start()?;
//!     let mut connection = listener.accept::<String, u32>()?;
//!     let number = connection.recv()?;
//!     connection.send(&format!("{number} it is"))?;
//!     assert_eq!(client.join()?, "7 it is");
//!     Ok(())
//! }
//! ```

pub use ipc_pipe::{
    AcceptError, Address, AddressError, AuthKey, Client, ConnectError, ConnectOptions, Listener,
    ListenerOptions, Packets, Peer, Values, connect, python, wait, wait_deadline,
};
