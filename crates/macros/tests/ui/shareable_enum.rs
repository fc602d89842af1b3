#[derive(ipc_shm::Shareable)]
#[repr(C)]
enum Color {
    Red,
    Green,
}

#[derive(ipc_shm::Shareable)]
#[repr(C)]
union Either {
    a: u32,
    b: f32,
}

fn main() {}
