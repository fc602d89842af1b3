//! The key of the family reaches every descendant, and nobody gets another's.

use procspawn_core::{Process, StartMethod, authkey, set_authkey};

use crate::support::each_method;

each_method! {
    children_and_grandchildren_have_the_key_of_the_family,
    a_key_that_is_set_reaches_later_children,
}

fn own_key() -> Vec<u8> {
    authkey().expect("there is a key").as_bytes().to_vec()
}

fn keys_of_a_child_and_its_child(method: StartMethod) -> [Vec<u8>; 2] {
    let process = Process::new(own_key, ()).start_method(method).start();
    [own_key(), process.expect("a grandchild starts").join().expect("it tells its key")]
}

fn children_and_grandchildren_have_the_key_of_the_family(method: StartMethod) {
    let process = Process::new(keys_of_a_child_and_its_child, (method,)).start_method(method);
    let keys = process.start().expect("a child starts").join().expect("it tells both keys");
    assert_eq!(own_key().len(), 32);
    assert_eq!(keys, [own_key(), own_key()]);
}

fn a_key_that_is_set_reaches_later_children(method: StartMethod) {
    set_authkey(ipc_pipe::AuthKey::new("open sesame"));
    let process = Process::new(own_key, ()).start_method(method).start();
    assert_eq!(process.expect("it starts").join().expect("it tells its key"), b"open sesame");
}
