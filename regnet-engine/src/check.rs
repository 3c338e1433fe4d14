//! The one way a kernel refuses a slice.

/// Panics unless `slice`, called `name` in the message, has `expected` elements.
#[track_caller]
pub(crate) fn length<T>(name: &str, slice: &[T], expected: usize) {
    assert_eq!(slice.len(), expected, "`{name}` has {} elements, its sizes ask for {expected}", slice.len());
}
