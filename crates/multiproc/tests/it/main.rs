//! The names that the facade gives are enough for a program and its tests.

mod shared;

use multiproc::{Process, StartMethod, duplex};

multiproc::test_binary!();

#[test]
fn a_test_binary_starts_processes() {
    for method in [StartMethod::Spawn, StartMethod::ForkServer] {
        let (mut here, there) = duplex::<u32, u32>().unwrap();
        let process = Process::new(
            |mut there: multiproc::Connection<u32>| {
                let number = there.recv().unwrap();
                there.send(&(2 * number)).unwrap();
            },
            (there,),
        );
        let process = process.start_method(method).start().unwrap();
        here.send(&21).unwrap();
        assert_eq!(here.recv().unwrap(), 42);
        process.join().unwrap();
    }
}
