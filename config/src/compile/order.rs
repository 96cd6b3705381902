//! How is a list put in order of which nearly all was in order the last time?

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// All of them, by `compare`, each once. Those that are in `last`, which is in this order, are not compared again with each other: of
/// thousands of things a change concerns one.
pub fn in_order<T>(
    all: impl IntoIterator<Item = Arc<T>>,
    last: &[Arc<T>],
    compare: impl Fn(&T, &T) -> Ordering,
) -> Vec<Arc<T>> {
    let all = all.into_iter();
    let mut others: HashMap<*const T, Arc<T>> = all.map(|one| (Arc::as_ptr(&one), one)).collect();
    let known = last
        .iter()
        .filter_map(|one| others.remove(&Arc::as_ptr(one)));
    let mut sorted: Vec<Arc<T>> = known.collect();
    sorted.extend(others.into_values());
    // What comes in order already costs one pass.
    sorted.sort_by(|left, right| compare(left, right));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_known_before_makes_no_difference(
            numbers in proptest::collection::vec(0u8..50, 0..40),
            known in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40),
        ) {
            let all: Vec<Arc<u8>> = numbers.iter().map(|number| Arc::new(*number)).collect();
            let known = known.iter().filter(|_| !all.is_empty());
            let mut last: Vec<Arc<u8>> = known.map(|index| index.get(&all).clone()).collect();
            last.push(Arc::new(7));
            last.sort();
            let mut expected = all.clone();
            expected.sort();
            prop_assert_eq!(in_order(all, &last, u8::cmp), expected);
        }
    }
}
