//! Micro benchmarks: single calls, by criterion. What crosses processes is a workload instead.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use multiproc::{Bulk, Message, RemoteFn, pipe};

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

criterion_group!(micro, values, pipes);
criterion_main!(micro);
