//! A list of mixed values, which several processes read and change in place.

use std::error::Error;

use multiproc::{Item, Process, ShareableList};

fn change(list: ShareableList) -> Option<String> {
    list.set(0, "grün").expect("it is no longer than what was there");
    list.set(1, 2.5).expect("a number fits where a number was");
    list.set(2, b"ends with\0".as_slice()).expect("there is room");
    list.set(3, "longer than the empty text").err().map(|error| error.to_string())
}

fn open_and_change(name: String) {
    let list = ShareableList::open(&name).expect("the parent has made it");
    list.set(1, 20).expect("a number fits where a number was");
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let list = ShareableList::new([
        Item::from("yellow"),
        Item::from(7),
        Item::from("some ten or more"),
        Item::from(""),
        Item::from(true),
    ])?;
    let refused = Process::new(change, (list.clone(),)).start()?.join()?;
    for item in list.iter() {
        println!("{:?}", item?);
    }
    println!("the fourth: {}", refused.unwrap_or_default());
    println!("true stands at {:?}", list.index(&Item::from(true))?);

    // Processes that do not descend from each other find it by its name.
    let name = format!("example-{}", std::process::id());
    let named = ShareableList::create(&name, [1, 2, 3])?;
    Process::new(open_and_change, (name.clone(),)).start()?.join()?;
    println!("{named:?}");
    drop(named);
    println!("the name went with its last user: {}", ShareableList::open(&name).is_err());
    Ok(())
}
