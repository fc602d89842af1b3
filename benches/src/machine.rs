//! Where and with what a result was measured: a number without these is worth nothing later.

use std::fs;
use std::process::Command;
use std::thread;

/// A few lines of Markdown: machine, toolchain, commit, date.
pub(crate) fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "- machine: {}, {cores} cores, Linux {}\n- toolchain: {}\n- commit: {}\n- date: {}\n",
        cpu(),
        read("/proc/sys/kernel/osrelease"),
        output("rustc", &["-V"]),
        commit(),
        output("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
    )
}

fn cpu() -> String {
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

fn commit() -> String {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
    let changes = output("git", &["status", "--porcelain"]);
    if changes.is_empty() { commit } else { format!("{commit} (with changes)") }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim_end().to_owned()
}

/// What a program prints when it is run in the repository.
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
        }
        _ => format!("unknown (`{program}` did not say)"),
    }
}
