//! Micro benchmarks: single calls, by criterion. What crosses processes is a workload instead.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

fn calls(c: &mut Criterion) {
    c.bench_function("fib(10)", |b| b.iter(|| fib(black_box(10))));
}

criterion_group!(micro, calls);
criterion_main!(micro);
