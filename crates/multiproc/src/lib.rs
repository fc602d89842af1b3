//! Process-based parallelism: everything Python's `multiprocessing` does, without its hangs, its copies
//! and its limits.
#![forbid(unsafe_code)]

pub mod connection;

pub use ipc_pipe::{
    BULK_THRESHOLD, Bulk, Bytes, Connection, DecodeError, EncodeError, Handle, Message, Receiver,
    RecvError, SendError, Sender, duplex, handle, pipe,
};
pub use multiproc_macros::main;
pub use procspawn_core::{
    Child, CurrentProcess, ExitStatus, Function, JoinError, JoinHandle, Panic, ParentProcess,
    Process, RemoteFn, Run, StartError, StartMethod, active_children, cpu_count, current_process,
    forkserver_pid, init, parent_process, set_executable, set_exit_timeout, set_forkserver_preload,
    set_start_method, test_binary,
};
