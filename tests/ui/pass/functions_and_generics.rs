//! Declarations inside functions, generic code, modules and other macros.

use regnet::{Declared, regnet};

fn classes_of<Net: Declared>() -> usize {
    Net::spec().classes
}

struct Pair<First, Second>(std::marker::PhantomData<(First, Second)>);

impl<First: Declared> Pair<First, regnet!(RegNetX-200MF, classes = 2)> {
    fn classes<const N: usize>() -> [usize; N] {
        regnet! {
            struct Local = RegNetX-200MF;
            classes = 4;
        }
        [First::spec().classes + Local::CLASSES; N]
    }
}

mod nested {
    regnet::regnet! {
        /// Seen from the parent only.
        pub(super) struct Nested = RegNetX-400MF;
        classes = 5;
    }
}

macro_rules! classifier {
    ($visibility:vis $name:ident, $depth:literal, $classes:expr) => {
        regnet! {
            $visibility struct $name = RegNetX-200MF, d = $depth;
            classes = $classes;
        }
    };
}
classifier!(pub ByMacro, 12, 6);

fn main() {
    assert_eq!(classes_of::<regnet!(RegNetX-200MF, classes = 3)>(), 3);
    assert_eq!(Pair::<regnet!(RegNetX-200MF, classes = 3), _>::classes(), [7, 7]);
    assert_eq!((nested::Nested::CLASSES, ByMacro::CLASSES, ByMacro::DEPTH), (5, 6, 12));
}
