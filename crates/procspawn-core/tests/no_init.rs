//! A program that never calls `init`: every start is an error, and nothing is started.
//!
//! Without that error, a child would come to the same start in its own `main`, and so on for ever.

use procspawn_core::{Process, StartError, StartMethod, active_children};

fn main() {
    for method in StartMethod::ALL {
        let result = Process::new(|| 1, ()).start_method(method).start();
        let Err(error @ StartError::NotInitialized) = result else {
            panic!("{method}: {result:?}")
        };
        assert!(error.to_string().contains("init()"), "{error}");
    }
    assert!(active_children().is_empty());
    let next = std::fs::read_dir("/proc").unwrap().flatten().find(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        fields.nth(1) == Some(&std::process::id().to_string())
    });
    assert!(next.is_none(), "a child is there: {next:?}");
}
