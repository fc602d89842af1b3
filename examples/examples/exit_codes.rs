//! How a process ended: by returning, by an exit code of 32 bits, or by a signal.

use std::error::Error;
use std::process::exit;
use std::thread;
use std::time::Duration;

use multiproc::Process;

/// Returns a value, unless there is a code to exit with.
fn finish(code: Option<i32>) -> String {
    code.map_or("a value".to_owned(), |code| exit(code))
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    for code in [None, Some(0), Some(3), Some(300), Some(-1)] {
        let process = Process::new(finish, (code,)).start()?;
        let status = process.wait();
        println!("{status}, success: {}, join: {:?}", status.success(), process.join());
    }

    let process = Process::new(thread::sleep, (Duration::from_secs(60),)).start()?;
    process.kill()?;
    let status = process.wait();
    println!("{status}, code: {:?}, signal: {:?}", status.code(), status.signal());
    Ok(())
}
