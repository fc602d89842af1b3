//! scratch
use sync_primitives::*;
#[inline(never)] #[unsafe(no_mangle)] pub fn hot_lock(m:&Mutex<u64>) { if let Ok(mut g)=m.lock() { *g+=1; } }
fn main(){ let m=ipc_shm::Shared::new(Mutex::new(0u64)).unwrap(); for _ in 0..10 {hot_lock(&m);} println!("{:?}", m); }
