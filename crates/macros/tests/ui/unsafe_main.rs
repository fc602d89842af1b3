#[multiproc::main]
unsafe fn main() {}
