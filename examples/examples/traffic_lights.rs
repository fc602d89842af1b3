//! Cars wait for a green light, an event; the police car waits for it a moment only.

use std::error::Error;
use std::time::Duration;

use multiproc::{Event, Process};

fn car(name: String, green: Event) -> String {
    green.wait();
    format!("{name} drives at green")
}

fn police_car(green: Event) -> String {
    let in_time = green.wait_timeout(Duration::from_millis(50));
    format!("the police car drives at {}", colour(in_time))
}

fn colour(is_green: bool) -> &'static str {
    if is_green { "green" } else { "red" }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let green = Event::new()?;
    let mut cars = Vec::new();
    for name in ["a bus", "a taxi"] {
        cars.push(Process::new(car, (name.to_owned(), green.clone())).start()?);
    }
    println!("the light is {}", colour(green.is_set()));
    println!("{}", Process::new(police_car, (green.clone(),)).start()?.join()?);
    println!("cars that wait: {}", cars.iter().filter(|car| car.is_alive()).count());

    green.set();
    println!("the light is {}", colour(green.is_set()));
    for car in cars {
        println!("{}", car.join()?);
    }
    println!("{}", Process::new(police_car, (green.clone(),)).start()?.join()?);

    green.clear();
    println!("the light is {}", colour(green.is_set()));
    Ok(())
}
