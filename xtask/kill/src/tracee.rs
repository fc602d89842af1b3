//! A victim: a child under ptrace that goes on one instruction at a time.
#![allow(unsafe_code, reason = "calls ptrace")]

use std::ptr;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, WaitStatus};

use crate::child::{Child, Exit};
use crate::marks;

/// What came of letting a victim go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// One instruction further.
    Stepped,
    /// It sleeps in the system call that it has made.
    Asleep,
    /// The operation's end, or its beginning if it was not there yet.
    Mark,
    /// It ended by itself, or got a signal that it should not have.
    Gone(Exit),
    /// It neither sleeps nor stops.
    Late,
}

#[derive(Debug)]
pub(crate) struct Tracee {
    child: Child,
    asleep: bool,
}

impl Tracee {
    /// Starts a victim and brings it to the beginning of its operation.
    pub(crate) fn start(work: impl FnOnce(), patience: Duration) -> Result<Self, String> {
        let child = Child::start(|| {
            trace_me();
            work();
            Ok(())
        });
        let mut tracee = Self { child, asleep: false };
        // It may have to wait for others before it begins.
        let stop = match tracee.next_stop(patience) {
            Stop::Asleep => tracee.next_stop(patience),
            stop => stop,
        };
        match stop {
            Stop::Mark => Ok(tracee),
            other => Err(format!("the victim did not reach its operation: {other:?}")),
        }
    }

    /// Lets the victim do one instruction, or, if it sleeps, come back from the system call.
    pub(crate) fn step(&mut self, patience: Duration) -> Stop {
        if !self.asleep {
            self.ptrace(libc::PTRACE_SINGLESTEP);
        }
        self.next_stop(patience)
    }

    /// Lets the victim run without steps; the next stop is its mark.
    pub(crate) fn run(&mut self) {
        if !self.asleep {
            self.ptrace(libc::PTRACE_CONT);
        }
    }

    /// Has the victim stop whenever it is about to do the instruction at `address`; false if this
    /// machine cannot.
    pub(crate) fn watch_for(&self, address: usize) -> bool {
        const FIRST_BY_EXECUTION: usize = 1;
        self.poke_debug_register(0, address) && self.poke_debug_register(7, FIRST_BY_EXECUTION)
    }

    #[cfg(target_arch = "x86_64")]
    fn poke_debug_register(&self, number: usize, value: usize) -> bool {
        let registers = std::mem::offset_of!(libc::user, u_debugreg);
        let place = registers + number * size_of::<usize>();
        // SAFETY: writes a register of the stopped tracee, and no memory of this process.
        unsafe { libc::ptrace(libc::PTRACE_POKEUSER, self.raw(), place, value) == 0 }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn poke_debug_register(&self, _: usize, _: usize) -> bool {
        false
    }

    /// Lets the victim go on until it comes to what it watches for, sleeps, or is at its end.
    pub(crate) fn run_on(&mut self, patience: Duration) -> Stop {
        self.run();
        self.next_stop(patience)
    }

    /// Lets a victim that runs go past its mark to its end; false if it has not ended in time.
    pub(crate) fn run_out(&mut self, patience: Duration) -> Result<bool, String> {
        while self.child.exit().is_none() {
            match self.next_stop(patience) {
                Stop::Asleep => {}
                Stop::Stepped | Stop::Mark => self.run(),
                Stop::Gone(Exit::Done) => return Ok(true),
                Stop::Gone(exit) => return Err(format!("ended badly: {exit:?}")),
                Stop::Late => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Waits for a stop, and looks at the clock at a tick only, since most stops come at once.
    fn next_stop(&mut self, patience: Duration) -> Stop {
        let mut first_tick = None;
        let mut seen_asleep = 0;
        loop {
            if let Some(status) = self.child.watch(WaitOptions::empty()) {
                self.asleep = false;
                return self.meaning(status);
            }
            if first_tick.get_or_insert_with(Instant::now).elapsed() >= patience {
                return Stop::Late;
            }
            seen_asleep = if self.child.sleeps() { seen_asleep + 1 } else { 0 };
            if seen_asleep >= 2 && !self.asleep {
                self.asleep = true;
                return Stop::Asleep;
            }
        }
    }

    fn meaning(&mut self, status: WaitStatus) -> Stop {
        match (status.stopping_signal(), self.child.exit()) {
            (_, Some(exit)) => Stop::Gone(exit.clone()),
            (Some(libc::SIGTRAP), None) if self.is_at_mark() => Stop::Mark,
            (Some(libc::SIGTRAP), None) => Stop::Stepped,
            (signal, None) => Stop::Gone(Exit::Signal(signal.unwrap_or_default())),
        }
    }

    /// Tells a mark's trap from a step's by where its signal comes from.
    fn is_at_mark(&self) -> bool {
        // SAFETY: zero is a value of this plain structure.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes one `siginfo_t` to a live local.
        let asked = unsafe {
            libc::ptrace(libc::PTRACE_GETSIGINFO, self.raw(), ptr::null_mut::<u8>(), &mut info)
        };
        const SI_KERNEL: i32 = 0x80;
        asked == 0 && [SI_KERNEL, libc::SI_TKILL].contains(&info.si_code)
    }

    /// The instruction that the victim would do next; none while it sleeps.
    pub(crate) fn address(&self) -> Option<usize> {
        #[cfg(target_arch = "x86_64")]
        if !self.asleep {
            // SAFETY: zero is a value of this plain structure.
            let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
            let nowhere = ptr::null_mut::<u8>();
            // SAFETY: the kernel writes one register set to a live local.
            let asked =
                unsafe { libc::ptrace(libc::PTRACE_GETREGS, self.raw(), nowhere, &mut registers) };
            return (asked == 0).then_some(registers.rip as usize);
        }
        None
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.asleep
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill();
    }

    fn ptrace(&self, request: libc::c_uint) {
        let nothing = ptr::null_mut::<u8>();
        // SAFETY: the request reads and writes no memory of this process.
        let asked = unsafe { libc::ptrace(request, self.raw(), nothing, nothing) };
        assert_eq!(asked, 0, "a stopped tracee goes on: {}", std::io::Error::last_os_error());
    }

    fn raw(&self) -> libc::pid_t {
        Pid::as_raw(Some(self.child.pid()))
    }
}

/// Makes the harness this child's tracer.
fn trace_me() {
    let nothing = ptr::null_mut::<u8>();
    // SAFETY: the request reads and writes no memory.
    let asked = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, nothing, nothing) };
    assert_eq!(asked, 0, "ptrace is not allowed here: {}", std::io::Error::last_os_error());
    marks::expect_a_tracer();
}
