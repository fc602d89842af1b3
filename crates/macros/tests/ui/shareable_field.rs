#[derive(ipc_shm::Shareable)]
#[repr(C)]
struct Message {
    number: u64,
    done: bool,
    text: String,
}

fn main() {}
