//! Two at once: who puts right what a dead one left dies, too; and two side by side.

use super::{GUEST, Item, Stage, get, put, put_marked, settle, three, warm_up};
use crate::scenario::{Case, Scenario};

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let put = |name| Scenario::new(name, three, self::put, settle::<1, 0, 1>);
    let get = |name| Scenario::new(name, three, self::get, settle::<0, 1, 1>);
    let put_again = |name| Scenario::new(name, three, self::put, settle::<1, 0, 0>);
    let get_again = |name| Scenario::new(name, three, self::get, settle::<0, 1, 0>);
    vec![
        Box::new(put_again("priority/put-put-double").recovery(put_second)),
        Box::new(put("priority/put-get-double").recovery(self::get)),
        Box::new(get("priority/get-get-double").recovery(self::get)),
        Box::new(get_again("priority/get-put-double").recovery(put_second)),
        Box::new(put_again("priority/put-put-pairs").rival(put_second)),
        Box::new(put_again("priority/put-get-pairs").rival(self::get)),
        Box::new(get_again("priority/get-get-pairs").rival(self::get)),
        Box::new(get_again("priority/get-put-pairs").rival(put_second)),
    ]
}

fn put_second(s: &Stage) {
    warm_up();
    put_marked(s, Item::new(GUEST));
}
