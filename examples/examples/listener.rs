//! Two processes that meet at an address, over a unix socket and over TCP, and know the same key.
//!
//! Here they have a common parent, who tells them where; the address can as well stand in a
//! configuration file, and the processes be started by different people.

use std::error::Error;

use multiproc::connection::{Address, AuthKey, Client, ConnectError, Listener};
use multiproc::{Process, Sender, pipe};

/// Answers one client, after telling where it listens.
fn serve(place: Address, key: AuthKey, mut address: Sender<Address>) -> String {
    let mut listener = Listener::options().authkey(key).bind(&place).expect("the place is free");
    address.send(listener.address()).expect("the parent reads");

    let stranger = listener.accept::<(), ()>().expect_err("it has another key");
    let mut connection = listener.accept::<String, String>().expect("this one knows the key");
    let name = connection.recv().expect("the client writes");
    connection.send(&format!("good day, {name}")).expect("the client reads");
    stranger.to_string()
}

fn greet(address: Address, key: AuthKey, name: String) -> String {
    let mut connection =
        Client::options().authkey(key).connect(&address).expect("it listens and knows the key");
    connection.send(&name).expect("the server reads");
    connection.recv().expect("the server writes")
}

fn intrude(address: Address) -> bool {
    let wrong = AuthKey::new(*b"a guess");
    let result = Client::options().authkey(wrong).connect::<(), ()>(&address);
    matches!(result, Err(ConnectError::Authentication))
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    for place in [Address::temporary()?, Address::Tcp(([127, 0, 0, 1], 0).into())] {
        let key = AuthKey::generate()?;
        let (mut address, sender) = pipe()?;
        let server = Process::new(serve, (place, key.clone(), sender)).start()?;
        let address = address.recv()?;
        println!("listening at {address}");

        let turned_away = Process::new(intrude, (address.clone(),)).start()?.join()?;
        println!("a wrong key is turned away: {turned_away}");
        let answer = Process::new(greet, (address, key, "Ann".to_owned())).start()?.join()?;
        println!("the server says: {answer}");
        println!("the server saw: {}", server.join()?);
    }
    Ok(())
}
