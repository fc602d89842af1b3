//! What features show of a pool to others: spans and counters, and what Ctrl-C does to it.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Recorder, SharedString, Unit,
};
use pool::{Executor, TaskError};
use procspawn_core::StartMethod;
use rustix::process::Signal;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::host::{builder, each_method, kill_own};
use crate::support::{Gate, double, stay};

each_method! {
    a_task_has_the_span_of_who_gave_it,
    calls_and_deaths_are_counted,
    the_first_interrupt_ends_the_pool,
    a_pool_without_the_wish_leaves_interrupts_alone,
}

/// What the last span said of its parent.
static PARENT: AtomicU64 = AtomicU64::new(0);

/// Notes the field `parent` of every span, and calls all spans the same.
struct Notes;

impl Subscriber for Notes {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Parent);
        Id::from_non_zero_u64(NonZeroU64::MIN)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Parent;

impl Visit for Parent {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "parent" {
            PARENT.store(value, Ordering::SeqCst);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn listen() {
    tracing::subscriber::set_global_default(Notes).unwrap();
}

fn parent_of_this() -> u64 {
    PARENT.load(Ordering::SeqCst)
}

fn a_task_has_the_span_of_who_gave_it(method: StartMethod) {
    let pool = builder(method, 1).initializer(listen, ()).build().unwrap();
    assert_eq!(pool.apply(parent_of_this, ()).unwrap(), 0);
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
    let span = tracing::info_span!("giver");
    let id = span.id().unwrap().into_u64();
    assert_eq!(span.in_scope(|| pool.apply(parent_of_this, ())).unwrap(), id & 0xffff_ffff_ffff);
    assert_eq!(pool.apply(parent_of_this, ()).unwrap(), 0);
}

/// Adds up every counter under its name, and how often something was measured.
struct Sums;

static SUMS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

struct Sum(String);

impl Sum {
    fn add(&self, value: u64) {
        *SUMS.lock().unwrap().entry(self.0.clone()).or_default() += value;
    }
}

impl CounterFn for Sum {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Sum {
    fn record(&self, _: f64) {
        self.add(1);
    }
}

impl Recorder for Sums {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &metrics::Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Sum(key.name().into())))
    }

    fn register_gauge(&self, _: &Key, _: &metrics::Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &metrics::Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Sum(key.name().into())))
    }
}

fn calls_and_deaths_are_counted(method: StartMethod) {
    metrics::set_global_recorder(Sums).ok().unwrap();
    let pool = builder(method, 1).build().unwrap();
    assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
    assert!(pool.apply(kill_own, ()).is_err());
    // Another worker has been started by now.
    assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
    drop(pool);
    let sums = SUMS.lock().unwrap();
    assert_eq!(sums["pool_calls_total"], 101);
    assert_eq!(sums["pool_worker_starts_total"], 2);
    assert_eq!(sums["pool_worker_start_seconds"], 2);
    assert!((1..=101).contains(&sums["pool_tasks_seconds"]));
    assert!(sums["pool_worker_deaths_total"] >= 1);
}

fn the_first_interrupt_ends_the_pool(method: StartMethod) {
    let pool = builder(method, 2).stop_on_interrupt().build().unwrap();
    let gate = Gate::new();
    let task = pool.submit(stay, (gate.clone(),));
    let queued = pool.map_async(double, 0..100);
    gate.await_task();
    rustix::process::kill_process(rustix::process::getpid(), Signal::INT).unwrap();
    assert!(matches!(task.get(), Err(TaskError::Interrupted)));
    queued.wait();
    pool.join();
    assert!(matches!(pool.apply(double, (1,)), Err(TaskError::Interrupted)));
    // What the pool has asked for goes with it.
    drop(pool);
    let next = builder(StartMethod::Spawn, 1).build().unwrap();
    assert_eq!(next.apply(double, (1,)).unwrap(), 2);
}

fn a_pool_without_the_wish_leaves_interrupts_alone(method: StartMethod) {
    let pool = builder(method, 1).build().unwrap();
    for pid in pool.pids() {
        let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
        rustix::process::kill_process(pid, Signal::INT).unwrap();
    }
    assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
}
