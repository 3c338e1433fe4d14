//! Work that is started one item ahead of where it is needed.

use std::iter::Fuse;

/// Items of `started`, each finished when it is asked for, after the next was started.
///
/// So what goes on between start and finish goes on beside what is done with the item before: with copies to a device,
/// this is double buffering.
pub(crate) struct Ahead<I: Iterator, F> {
    started: Fuse<I>,
    finish: F,
    next: Option<I::Item>,
}

impl<I: Iterator, F> Ahead<I, F> {
    pub(crate) fn new(started: I, finish: F) -> Self {
        Self { started: started.fuse(), finish, next: None }
    }
}

impl<I: Iterator, T, F: FnMut(I::Item) -> T> Iterator for Ahead<I, F> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let this = self.next.take().or_else(|| self.started.next())?;
        self.next = self.started.next();
        Some((self.finish)(this))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn each_is_started_before_the_one_before_is_finished() {
        let log = RefCell::new(String::new());
        let note = |what: &str, item: &i32| log.borrow_mut().push_str(&format!("{what}{item} "));
        let started = (0..4).inspect(|item| note("start", item));
        for item in Ahead::new(started, |item| {
            note("finish", &item);
            item
        }) {
            note("use", &item);
        }
        let expected = "start0 start1 finish0 use0 start2 finish1 use1 start3 finish2 use2 finish3 use3 ";
        assert_eq!(*log.borrow(), expected);
    }

    #[test]
    fn one_item_and_none() {
        assert_eq!(Ahead::new([7].into_iter(), |item| item + 1).collect::<Vec<_>>(), [8]);
        assert_eq!(Ahead::new(std::iter::empty::<u8>(), |item| item).count(), 0);
    }
}
