#[derive(ipc_shm::Shareable)]
struct Point {
    x: f64,
}

#[derive(ipc_shm::Shareable)]
#[repr(C, packed)]
struct Packed {
    x: f64,
}

#[derive(ipc_shm::Shareable)]
#[repr(align(8))]
struct Aligned(f64);

fn main() {}
