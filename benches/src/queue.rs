//! `queue-…`: items from one process to another, against threads, against other crates, and against
//! the least that shared memory lets one do.
//!
//! In a lap one side puts its items; the other gets them all, adds up their numbers and says so,
//! at which the clock stops. They are on a core each; two by two are wherever the kernel has them.
//! Every contender is given the same items and has to make the same of them: a value ends as a
//! value, and a block as bytes that are the consumer's own; only what is called "in place" leaves
//! it where it is, and looks at its ends.
//!
//! Where a virtual machine's cores lie on the host is not ours to say, and changes. A cache line
//! may take four times as long from core to core as it did a minute ago, which moves all
//! contenders that pass few bytes at once; `queue-pingpong-spin` shows it. A spread of half the
//! median is such a change, and then the best round says more than the median.

mod bare;
mod crossbeam;
mod flow;
#[cfg_attr(not(feature = "iceoryx2"), path = "queue/without_iceoryx.rs")]
mod iceoryx;
mod ipc;
mod item;
mod ours;
mod ring;
mod track;
mod trips;

use std::marker::PhantomData;
use std::process::Command;

use crate::contender::{Contender, Family, Missing, Setting};
use crate::cores::Place;
use crate::python;
use crate::queue::item::{Item, KIB, MIB};

/// The families of values, each of one type.
#[derive(Debug)]
pub(crate) struct Values<T>(PhantomData<T>);

impl<T: Item + iceoryx::Payload> Values<T> {
    pub(crate) const FAMILY: Family = &[
        ("crossbeam-channel, threads", Contender::Here(crossbeam::values::<T>)),
        ("multiproc Queue", Contender::Here(ours::values::<T>)),
        ("multiproc Queue, many", Contender::Here(ours::values_many::<T>)),
        ("bare ring", Contender::Here(bare::values::<T>)),
        ("iceoryx2, polling", Contender::Here(iceoryx::values::<T>)),
        ("ipc-channel", Contender::Here(ipc::values::<T>)),
        ("python Queue", Contender::Program(|setting| python_flow::<T>(setting))),
    ];
}

pub(crate) const KIBIBYTE: Family = &[
    ("crossbeam-channel, threads", Contender::Here(crossbeam::blocks::<KIB>)),
    ("multiproc Queue", Contender::Here(ours::blocks::<KIB>)),
    ("multiproc Queue, bytes", Contender::Here(ours::bytes::<KIB>)),
    ("multiproc Queue, in place", Contender::Here(ours::in_place::<KIB>)),
    ("bare ring", Contender::Here(bare::blocks::<KIB>)),
    ("bare ring, in place", Contender::Here(bare::blocks_in_place::<KIB>)),
    ("iceoryx2, polling", Contender::Here(iceoryx::blocks::<KIB>)),
    ("iceoryx2, polling, in place", Contender::Here(iceoryx::blocks_in_place::<KIB>)),
    ("ipc-channel, bytes", Contender::Here(ipc::blocks::<KIB>)),
    ("python Queue", Contender::Program(|setting| python_queue(KIB, 20_000, 1, setting))),
];

pub(crate) const MEBIBYTE: Family = &[
    ("memcpy in and out", Contender::Here(bare::blocks::<MIB>)),
    ("multiproc Queue", Contender::Here(ours::blocks::<MIB>)),
    ("multiproc Queue, bytes", Contender::Here(ours::bytes::<MIB>)),
    ("multiproc Queue, borrow", Contender::Here(ours::borrowed::<MIB>)),
    ("crossbeam-channel, threads", Contender::Here(crossbeam::blocks::<MIB>)),
    ("iceoryx2, polling", Contender::Here(iceoryx::blocks::<MIB>)),
    ("ipc-channel, bytes", Contender::Here(ipc::blocks::<MIB>)),
    ("python Queue", Contender::Program(|setting| python_queue(MIB, 40, 1, setting))),
];

pub(crate) const TWO_BY_TWO: Family = &[
    ("crossbeam-channel, threads", Contender::Here(crossbeam::two_by_two)),
    ("multiproc Queue", Contender::Here(ours::two_by_two)),
    ("python Queue", Contender::Program(|setting| python_queue(8, 10_000, 2, setting))),
];

pub(crate) const SPIN: Family = &[
    ("bare spin", Contender::Here(bare::spin_trip)),
    ("multiproc Queue", Contender::Here(|setting| ours::trip(Place::Apart, setting))),
    ("bare ring", Contender::Here(bare::ring_trip)),
    (
        "crossbeam-channel, threads",
        Contender::Here(|setting| crossbeam::trip(Place::Apart, setting)),
    ),
    ("iceoryx2, polling", Contender::Here(iceoryx::trip)),
];

pub(crate) const SLEEP: Family = &[
    ("bare futex", Contender::Here(bare::futex_trip)),
    ("multiproc Queue", Contender::Here(|setting| ours::trip(Place::Together, setting))),
    (
        "crossbeam-channel, threads",
        Contender::Here(|setting| crossbeam::trip(Place::Together, setting)),
    ),
    ("ipc-channel", Contender::Here(ipc::trip)),
    ("python Queue", Contender::Program(python_trip)),
];

fn python_flow<T>(setting: Setting) -> Result<Command, Missing> {
    python_queue(size_of::<T>(), 20_000, 1, setting)
}

/// `sides` processes put `count` items of `size` bytes each, and as many get them.
fn python_queue(size: usize, count: u32, sides: u32, setting: Setting) -> Result<Command, Missing> {
    let count = if setting.quick { count / 20 } else { count };
    let apart = u32::from(sides == 1);
    let arguments = [size.to_string(), count.to_string(), sides.to_string(), apart.to_string()];
    python::command("queue_flow.py", arguments.each_ref().map(String::as_str))
}

fn python_trip(setting: Setting) -> Result<Command, Missing> {
    python::command("queue_trip.py", [if setting.quick { "100" } else { "2000" }])
}
