#[derive(ipc_shm::Shareable)]
#[repr(C)]
struct Pair<T>(T, T);

fn shared<T: ipc_shm::Shareable>() {}

fn main() {
    shared::<Pair<u8>>();
    shared::<Pair<char>>();
}
