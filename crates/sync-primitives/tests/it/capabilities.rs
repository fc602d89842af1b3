//! What this system does for those who wait.

use procspawn_core::StartMethod;
use sync_primitives::capabilities;

use crate::support::{each_method, run};

each_method! { children_find_the_same }

#[test]
fn all_are_there() {
    let found = capabilities();
    assert_eq!(found.robust, Ok(()));
    assert!(found.rings_for_the_dead && found.waits_for_several, "{found:?}");
    assert_eq!(capabilities(), found);
}

fn children_find_the_same(method: StartMethod) {
    let found = format!("{:?}", capabilities());
    assert_eq!(run(method, || format!("{:?}", capabilities()), ()), found);
}
