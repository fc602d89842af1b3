//! A contender in its process, and the lines that go between it and the runner.
//!
//! 1. The contender prepares, then prints `ready`, or `n/a REASON` and ends.
//! 2. For each line it reads, it measures one round and prints the number.
//! 3. At the end of its input it ends. If it ends earlier, it has failed and said why on stderr.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Result;
use crate::contender::{self, Contender, Missing, Setting};

/// The runner's end: a contender that waits for its next round.
#[derive(Debug)]
pub(crate) struct Peer {
    name: String,
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts the contender and waits until it is ready; the inner error says why it cannot be.
    pub(crate) fn start(
        workload: &str,
        name: &str,
        setting: Setting,
    ) -> Result<std::result::Result<Self, Missing>> {
        let mut command = match contender::find(workload, name)? {
            Contender::Here(_) => measure_command(workload, name, setting)?,
            Contender::Program(command) => match command(setting) {
                Ok(command) => command,
                Err(missing) => return Ok(Err(missing)),
            },
        };
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().expect("stdout was asked for as a pipe");
        let mut peer = Self { name: name.to_owned(), process, lines: BufReader::new(stdout) };
        let first = peer.line()?;
        Ok(match first.strip_prefix("n/a ") {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(peer),
        })
    }

    /// Has the contender measure once.
    pub(crate) fn round(&mut self) -> Result<f64> {
        let stdin = self.process.stdin.as_mut().expect("stdin was asked for as a pipe");
        // If the contender has ended, the line that does not come says so.
        let _ = stdin.write_all(b"\n");
        let line = self.line()?;
        let number = line.parse();
        Ok(number.map_err(|_| format!("contender `{}` printed `{line}`, no number", self.name))?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            return Err(
                format!("contender `{}` failed; its message stands above", self.name).into()
            );
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Closes stdin, at which the contender ends; how it ends no longer matters.
        let _ = self.process.wait();
    }
}

fn measure_command(workload: &str, name: &str, setting: Setting) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["measure", workload, name]);
    if setting.quick {
        command.arg("--quick");
    }
    Ok(command)
}

/// The contender's end: `benches measure WORKLOAD CONTENDER`.
pub(crate) fn serve(workload: &str, name: &str, setting: Setting) -> Result {
    let Contender::Here(prepare) = contender::find(workload, name)? else {
        return Err(format!("contender `{name}` is another program; run that").into());
    };
    let mut round = match prepare(setting) {
        Ok(round) => round,
        Err(missing) => {
            println!("n/a {missing}");
            return Ok(());
        }
    };
    println!("ready");
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? > 0 {
        println!("{}", round());
        line.clear();
    }
    Ok(())
}
