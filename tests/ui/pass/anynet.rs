//! Every form of a declaration stage by stage.

#![deny(warnings, missing_docs)]

use regnet::{Declared, anynet, regnet};
use regnet_space::{Block, Stem, StemKind};

// Given as numbers, a published model is the same network, and the same type, as given by name.
type ByName = regnet!(RegNetX-200MF);
type Stages = anynet!(depths = [1, 1, 4, 7], widths = [24, 56, 152, 368], groups = 8, space = RegNetX);
type Lists = anynet![
    <depths = [1, 1, 4, 7,], widths = [24, 56, 152, 368], groups = [8, 8, 8, 8], strides = [2, 2, 2, 2]>,
    bottleneck = [1, 1, 1, 1], block = x, se = false, input = 3 x 224 x 224, classes = 1000, stem = simple(32),
];

fn same(_: std::marker::PhantomData<ByName>) {}

anynet! {
    /// Basic blocks, the first stage with identities only.
    pub struct Basic = < depths=[2, 2], widths=[16, 32], strides=[1, 2], block=basic >;
    stem    = cifar(16);
    classes = 10;
    struct Vanilla = depths = [2, 2], widths = [16, 32], block = vanilla;
    input = 1 x 28 x 28;
}

fn main() {
    same(std::marker::PhantomData::<Stages>);
    same(std::marker::PhantomData::<Lists>);
    assert_eq!((Basic::spec().block, Vanilla::spec().block), (Block::Basic, Block::Vanilla));
    assert_eq!((Basic::STRIDES, Basic::CLASSES, Basic::INPUT), ([1, 2], 10, [3, 32, 32]));
    assert_eq!(Basic::spec().stem, Stem { kind: StemKind::Cifar, width: 16 });
    assert_eq!((Vanilla::STRIDES, Vanilla::INPUT), ([2, 2], [1, 28, 28]));
    assert_eq!(<Basic as Declared>::spec(), <<Basic as Declared>::Network as Declared>::spec());
}
