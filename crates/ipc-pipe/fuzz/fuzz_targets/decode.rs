//! Any bytes decode to a value or to an error, and what decodes encodes again.
#![no_main]

use ipc_pipe::Message;
use ipc_pipe_fuzz::Rich;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = Message::from_bytes(bytes.to_vec()).decode::<Rich>() {
        let message = Message::encode(&value).expect("what was decoded can be encoded");
        // Numbers may now be shorter, and with them what a message of this length may hold.
        let _ = message.decode::<Rich>();
    }
});
