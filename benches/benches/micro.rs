//! Micro benchmarks: single calls, by criterion. What crosses processes is a workload instead.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use multiproc::{
    Barrier, BoundedSemaphore, Bulk, Event, Lock, Message, RLock, RawValue, RemoteFn, Semaphore,
    Shared, SharedSlice, Value, pipe, sync,
};
use queues::{Leased, Queue};

type Record = (u64, String, Vec<u32>, Option<f64>);

fn record() -> Record {
    (7, "a record of some kind".into(), (0..16).collect(), Some(0.5))
}

fn values(c: &mut Criterion) {
    let mut group = c.benchmark_group("message");
    let (value, numbers) = (record(), Bulk::from(vec![0.5_f64; 4096]));
    let double = RemoteFn::new(|x: u32| 2 * x);
    group.bench_function("encode a record", |b| b.iter(|| Message::encode(black_box(&value))));
    group.bench_function("encode and decode a record", |b| {
        b.iter(|| Message::encode(black_box(&value)).map(Message::decode::<Record>));
    });
    group.bench_function("encode and decode 32 KiB of bulk", |b| {
        b.iter(|| Message::encode(black_box(&numbers)).map(Message::decode::<Bulk<f64>>));
    });
    group.bench_function("encode and decode a function", |b| {
        b.iter(|| Message::encode(&double).map(Message::decode::<RemoteFn<(u32,), u32>>));
    });
    group.finish();
}

fn pipes(c: &mut Criterion) {
    let (mut receiver, mut sender) = pipe::<Record>().expect("a pipe can be made");
    let value = record();
    c.bench_function("send and receive a record within a thread", |b| {
        b.iter(|| sender.send(black_box(&value)).map(|()| receiver.recv()));
    });
}

/// Single calls that find what they want at once.
fn locks(c: &mut Criterion) {
    let mut group = c.benchmark_group("lock");
    let lock = Lock::new().expect("there is memory");
    group.bench_function("lock and unlock", |b| b.iter(|| lock.lock().map(drop)));
    group.bench_function("lock and unlock, another held", |b| {
        let other = Lock::new().expect("there is memory");
        let _guard = other.lock();
        b.iter(|| lock.lock().map(drop));
    });
    group.bench_function("try a lock that is held", |b| {
        let _guard = lock.lock();
        b.iter(|| lock.try_lock().is_err());
    });
    let reentrant = RLock::new().expect("there is memory");
    group.bench_function("lock and unlock, reentrant", |b| b.iter(|| reentrant.lock().map(drop)));
    let shared = Shared::new(sync::RwLock::new(7)).expect("there is memory");
    group.bench_function("read and unlock", |b| b.iter(|| shared.read().map(|guard| *guard)));
    group.bench_function("write and unlock", |b| b.iter(|| shared.write().map(|guard| *guard)));
    let semaphore = Semaphore::new(1).expect("there is memory");
    group.bench_function("acquire and release", |b| {
        b.iter(|| {
            semaphore.acquire();
            semaphore.release()
        });
    });
    let bounded = BoundedSemaphore::new(1).expect("there is memory");
    group
        .bench_function("acquire and release, bounded", |b| b.iter(|| bounded.acquire().map(drop)));
    group.finish();
}

fn meetings(c: &mut Criterion) {
    let mut group = c.benchmark_group("meeting");
    let event = Event::new().expect("there is memory");
    group.bench_function("set an event", |b| b.iter(|| event.set()));
    group.bench_function("set and clear an event", |b| {
        b.iter(|| {
            event.set();
            event.clear();
        });
    });
    event.set();
    group.bench_function("wait for an event that is set", |b| b.iter(|| event.wait()));
    let barrier = Barrier::new(1).expect("there is memory");
    group.bench_function("wait at a barrier for nobody", |b| b.iter(|| barrier.wait()));
    group.finish();
}

fn memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("memory");
    let value = Value::new(7_u64).expect("there is memory");
    group.bench_function("get a value", |b| b.iter(|| value.get()));
    let raw = RawValue::new(7_u64).expect("there is memory");
    group.bench_function("get a raw value", |b| b.iter(|| black_box(&raw).get()));
    let slice = SharedSlice::<u64>::with_len(1000).expect("there is memory");
    group.bench_function("borrow a part of a slice", |b| b.iter(|| slice.write().map(drop)));
    group.finish();
}

/// What the calls of a queue cost where nobody waits and nobody else is.
fn queues(c: &mut Criterion) {
    let mut group = c.benchmark_group("queue");
    let numbers = Queue::bounded(64).expect("there is memory");
    group.bench_function("put and get a number", |b| {
        b.iter(|| numbers.put(black_box(7_u64)).map(|()| numbers.get()));
    });
    group.bench_function("put and get 64 numbers at once", |b| {
        b.iter(|| numbers.put_many(black_box(0..64)).map(|()| numbers.get_many(64)));
    });
    group.bench_function("put and lease a number", |b| {
        let lease = || numbers.get_leased().map(Leased::acknowledge);
        b.iter(|| numbers.put(black_box(7)).map(|()| lease()));
    });
    group.bench_function("find a queue empty", |b| b.iter(|| numbers.try_get().is_err()));
    let (value, records) = (record(), Queue::bounded(64).expect("there is memory"));
    group.bench_function("put and get a record", |b| {
        b.iter(|| records.put(black_box(&value).clone()).map(|()| records.get()));
    });
    let (bytes, mut buffer) = ([1; 1024], Vec::new());
    group.bench_function("put and get 1 KiB of bytes", |b| {
        b.iter(|| {
            records.put_bytes(black_box(&bytes)).map(|()| records.get_bytes_into(&mut buffer))
        });
    });
    group.bench_function("put and borrow 1 KiB of bytes", |b| {
        b.iter(|| records.put_bytes(black_box(&bytes)).map(|()| records.get_ref().map(drop)));
    });
    group.finish();
}

criterion_group!(micro, values, pipes, locks, meetings, memory, queues);
criterion_main!(micro);
