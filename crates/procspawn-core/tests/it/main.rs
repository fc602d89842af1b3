//! First light.
procspawn_core::test_binary!();
use procspawn_core::*;
#[test]
fn adds() {
    for m in [StartMethod::Spawn, StartMethod::ForkServer] {
        let p = Process::new(|x: u32| x + 1, (41,)).start_method(m).start().unwrap();
        assert_eq!(p.join().unwrap(), 42);
        let p = Process::new(|x: u32| -> u32 { panic!("no {x}") }, (41,))
            .start_method(m)
            .start()
            .unwrap();
        eprintln!("{:?}", p.join());
        let p = Process::new(|x: i32| -> u32 { std::process::exit(x) }, (300,))
            .start_method(m)
            .start()
            .unwrap();
        eprintln!("{:?}", p.join());
        let p = Process::new(
            |x: i32| -> u32 {
                std::thread::sleep(std::time::Duration::from_secs(x as u64));
                1
            },
            (300,),
        )
        .start_method(m)
        .start()
        .unwrap();
        p.kill().unwrap();
        eprintln!("{:?}", p.join());
        let p = Process::new(
            |x: ipc_pipe::Bytes| x.len(),
            (ipc_pipe::Bytes::from(vec![0; 256 << 20]),),
        )
        .start_method(m)
        .start()
        .unwrap();
        eprintln!("{:?}", p.join());
    }
    let p = Process::new(
        || {
            let p = Process::from_closure(move || 7).start().unwrap();
            p.join().unwrap()
        },
        (),
    )
    .start()
    .unwrap();
    eprintln!("{:?}", p.join());
}
