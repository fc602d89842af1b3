//! An open file as part of a value: the descriptor travels, and the name does not matter.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};

use multiproc::{Handle, Process};

/// Adds a line, and gives the file back.
fn sign(name: String, file: Handle<File>) -> Handle<File> {
    let Handle(mut file) = file;
    writeln!(file, "{name} was here").expect("the file can be written to");
    Handle(file)
}

/// A file that has no name any more.
fn nameless_file() -> std::io::Result<File> {
    let path = std::env::temp_dir().join(format!("send_a_file-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(path)?;
    Ok(file)
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let mut file = Handle(nameless_file()?);
    for name in ["Ann", "Bob"] {
        file = Process::new(sign, (name.to_owned(), file)).start()?.join()?;
    }

    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    print!("{text}");
    Ok(())
}
