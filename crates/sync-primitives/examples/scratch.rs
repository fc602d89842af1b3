//! scratch
use std::time::Instant;
use std::hint::black_box;
use sync_primitives::*;
use ipc_shm::Shared;
fn t(name:&str, n:u64, mut f: impl FnMut()) { for _ in 0..n/10 {f()} let mut best=f64::MAX; for _ in 0..7 { let s=Instant::now(); for _ in 0..n {f()} best=best.min(s.elapsed().as_secs_f64()*1e9/n as f64);} println!("{name:30} {best:.2} ns"); }
fn main(){
  println!("{:?}", capabilities());
  let n=3_000_000;
  let m=std::sync::Mutex::new(0u64); let s=Shared::new(Mutex::new(0u64)).unwrap();
  for _ in 0..2 {
  t("std mutex", n, || *black_box(&m).lock().unwrap()+=1);
  t("our mutex", n, || *black_box(&s).lock().unwrap()+=1);}
  unsafe { for robust in [0,1] { let mut at: libc::pthread_mutexattr_t=std::mem::zeroed(); libc::pthread_mutexattr_init(&mut at); libc::pthread_mutexattr_setpshared(&mut at,1); if robust==1 {libc::pthread_mutexattr_setrobust(&mut at,1);} let mut pm: libc::pthread_mutex_t=std::mem::zeroed(); libc::pthread_mutex_init(&mut pm,&at); let pm=&raw mut pm;
  t(if robust==1 {"pthread robust"} else {"pthread pshared"}, n, || {libc::pthread_mutex_lock(black_box(pm)); libc::pthread_mutex_unlock(black_box(pm));});
  let st=Instant::now(); struct P(*mut libc::pthread_mutex_t); unsafe impl Sync for P{} let p=P(pm); let p=&p; std::thread::scope(|sc|{for _ in 0..2 {sc.spawn(||{let p=p;for _ in 0..n/4 {libc::pthread_mutex_lock(p.0); libc::pthread_mutex_unlock(p.0);}});}}); println!("  contended {:.2} M/s", 0.5*n as f64/st.elapsed().as_secs_f64()/1e6);
  }}
  let r=std::sync::RwLock::new(0u64); let q=Shared::new(RwLock::new(0u64)).unwrap();
  t("std rwlock read", n, || {black_box(*black_box(&r).read().unwrap());});
  t("our rwlock read", n, || {black_box(*black_box(&q).read().unwrap());});
  t("std rwlock write", n, || {*black_box(&r).write().unwrap()+=1;});
  t("our rwlock write", n, || {*black_box(&q).write().unwrap()+=1;});
  let mut sem: libc::sem_t = unsafe{std::mem::zeroed()}; unsafe{libc::sem_init(&mut sem,1,1);} 
  t("sem_t", n, || unsafe{libc::sem_wait(black_box(&mut sem)); libc::sem_post(black_box(&mut sem));});
  let o=Shared::new(Semaphore::new(1).unwrap()).unwrap();
  t("our semaphore", n, || {black_box(&o).acquire(); black_box(&o).release().unwrap();});
  let o=Shared::new(BoundedSemaphore::<64>::new(4).unwrap()).unwrap();
  t("our bounded", n, || {drop(black_box(&o).acquire().unwrap());});
  let o=Shared::new(ReentrantMutex::new(())).unwrap();
  t("our reentrant", n, || {drop(black_box(&o).lock().unwrap());});
  // contended
  let n=2_000_000u64;
  for _ in 0..3 {
  let m=std::sync::Mutex::new(0u64);
  let b=std::sync::Barrier::new(2);
  let st=Instant::now(); std::thread::scope(|sc|{for _ in 0..2 {sc.spawn(||{b.wait();for _ in 0..n {*m.lock().unwrap()+=1;}});}}); let a=st.elapsed().as_secs_f64(); 
  let st=Instant::now(); std::thread::scope(|sc|{for _ in 0..2 {sc.spawn(||{b.wait();for _ in 0..n {*s.lock().unwrap()+=1;}});}}); let c=st.elapsed().as_secs_f64(); 
  println!("contended threads: std {:.2} M/s ours {:.2} M/s", 2.0*n as f64/a/1e6, 2.0*n as f64/c/1e6);
  let sem = Shared::new(Semaphore::new(1).unwrap()).unwrap(); struct P(*mut libc::sem_t); unsafe impl Sync for P{} let mut ss: libc::sem_t = unsafe{std::mem::zeroed()}; unsafe{libc::sem_init(&mut ss,1,1);} let p=P(&mut ss); let p=&p;
  let st=Instant::now(); std::thread::scope(|sc|{for _ in 0..2 {sc.spawn(||{let p=p;b.wait();for _ in 0..n/4 {unsafe{libc::sem_wait(p.0);libc::sem_post(p.0);}}});}}); let a=st.elapsed().as_secs_f64(); 
  let st=Instant::now(); std::thread::scope(|sc|{for _ in 0..2 {sc.spawn(||{b.wait();for _ in 0..n/4 {sem.acquire();sem.release().unwrap();}});}}); let c=st.elapsed().as_secs_f64(); 
  println!("contended sem: sem_t {:.2} M/s ours {:.2} M/s", 0.5*n as f64/a/1e6, 0.5*n as f64/c/1e6);
  }
}
