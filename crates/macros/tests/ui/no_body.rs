trait Program {
    #[multiproc::main]
    fn main();
}

fn main() {}
