//! The same function by all three start methods; only the line that chooses differs.

use std::error::Error;
use std::sync::OnceLock;

use multiproc::{Process, RemoteFn, StartMethod, current_process, set_forkserver_preload};

/// Something that takes long to make.
static TABLE: OnceLock<Vec<u64>> = OnceLock::new();

fn load() {
    TABLE.get_or_init(|| (0..100).map(|n| n * n).collect());
}

/// How this process was started, whether the table was there already, and one of its numbers.
fn look_up(index: usize) -> String {
    let there = if TABLE.get().is_some() { "there already" } else { "to be made" };
    load();
    let method = current_process().start_method().expect("it has been started");
    format!("{method}: the table was {there}, {index} squared is {}", TABLE.wait()[index])
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    // The fork server calls this once, so that its children find the table. A forked child
    // has what its parent has at the moment, and a spawned one has nothing.
    set_forkserver_preload([RemoteFn::new(load)]);
    load();

    for method in StartMethod::ALL {
        println!("{}", Process::new(look_up, (9,)).start_method(method).start()?.join()?);
    }
    Ok(())
}
