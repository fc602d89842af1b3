//! Iterators that misbehave, as the source of a job's calls.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pool::Executor;

use crate::support::{double, each_executor};

each_executor! {
    a_panic_reaches_who_maps,
    a_panic_comes_after_the_values_before_it,
    a_panic_comes_after_all_values_before_it,
    lengths_may_be_wrong,
    a_source_may_use_the_pool,
}

/// Panics in place of an element.
fn broken_at(place: u32) -> impl Iterator<Item = u32> {
    (0..100).inspect(move |x| assert!(*x != place, "{x}: the source is broken"))
}

fn message<T>(result: std::thread::Result<T>) -> String {
    *result.map(drop).unwrap_err().downcast::<String>().unwrap()
}

fn a_panic_reaches_who_maps(pool: &impl Executor) {
    for place in [0, 1, 50, 99] {
        let calls: [&dyn Fn(); 6] = [
            &|| drop(pool.map(double, broken_at(place))),
            &|| drop(pool.call(double).chunk_size(7).map(broken_at(place))),
            &|| drop(pool.call(double).map_each(broken_at(place))),
            &|| drop(pool.map_async(double, broken_at(place))),
            &|| drop(pool.starmap(double, broken_at(place).map(|x| (x,)))),
            &|| drop(pool.starmap_async(double, broken_at(place).map(|x| (x,)))),
        ];
        for call in calls {
            let result = catch_unwind(AssertUnwindSafe(call));
            assert!(message(result).contains("the source is broken"));
            assert_eq!(pool.map(double, 0..3).unwrap(), [0, 2, 4]);
        }
    }
}

fn a_panic_comes_after_the_values_before_it(pool: &impl Executor) {
    for place in [0, 1, 50, 99] {
        for chunk in [1, 10] {
            let mut values = pool.call(double).chunk_size(chunk).imap(broken_at(place));
            for x in 0..place {
                assert_eq!(values.next().unwrap().unwrap(), 2 * x);
            }
            let result = catch_unwind(AssertUnwindSafe(|| values.next()));
            assert!(message(result).contains("the source is broken"));
            assert!(values.next().is_none());
        }
    }
    assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
}

fn a_panic_comes_after_all_values_before_it(pool: &impl Executor) {
    let mut values = pool.imap_unordered(double, broken_at(30));
    let mut seen: Vec<u32> = (0..30).map(|_| values.next().unwrap().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..30).map(double).collect::<Vec<_>>());
    let result = catch_unwind(AssertUnwindSafe(|| values.next()));
    assert!(message(result).contains("the source is broken"));
    assert!(values.next().is_none());
}

/// Ten numbers that say they are some other number.
struct Lying(u32, (usize, Option<usize>));

impl Iterator for Lying {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0 += 1;
        (self.0 <= 10).then_some(self.0 - 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.1
    }
}

fn lengths_may_be_wrong(pool: &impl Executor) {
    let expected: Vec<u32> = (0..10).map(double).collect();
    let most = usize::MAX;
    for hint in [
        (0, Some(0)),
        (1, Some(1)),
        (9, Some(9)),
        (1000, Some(1000)),
        (7, Some(3)),
        (most, None),
        (most, Some(most)),
    ] {
        let source = || Lying(0, hint);
        assert_eq!(pool.map(double, source()).unwrap(), expected, "{hint:?}");
        assert_eq!(pool.call(double).chunk_size(4).map(source()).unwrap(), expected, "{hint:?}");
        assert_eq!(pool.map_async(double, source()).get().unwrap(), expected, "{hint:?}");
        let values = pool.imap(double, source()).map(Result::unwrap);
        assert_eq!(values.collect::<Vec<_>>(), expected, "{hint:?}");
        assert_eq!(pool.imap_unordered(double, source()).count(), 10, "{hint:?}");
    }
}

fn a_source_may_use_the_pool(pool: &impl Executor) {
    let inner = (0..30).map(|x| pool.apply(double, (x,)).unwrap());
    let values = pool.imap(double, inner).map(Result::unwrap);
    assert_eq!(values.collect::<Vec<_>>(), (0..30).map(|x| 4 * x).collect::<Vec<_>>());
}
