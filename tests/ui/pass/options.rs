//! Options and ratios.

use regnet::{Declared, regnet};
use regnet_space::{Bottleneck, Stem, StemKind};

type Cifar = regnet!(RegNetX-200MF, stem = cifar, classes = 10);
type ResNet = regnet!(RegNetX-200MF, stem = resnet(64), input = 1 x 96 x 128);
type Wide = regnet!(RegNetX-200MF, b = 0.5);
type Narrow = regnet!(RegNetX-200MF, b = 4);
type Gated = regnet!(RegNetX-200MF, se = 0.5);
type Deep = regnet!(RegNetX-200MF, d = 70, space = any);
type OneStage = regnet!(< d=2, w0=24, wa=0, wm=2, g=8 >);

fn main() {
    assert_eq!(Cifar::spec().stem, Stem { kind: StemKind::Cifar, width: 32 });
    assert_eq!(ResNet::spec().stem, Stem { kind: StemKind::ResNet, width: 64 });
    assert_eq!(ResNet::spec().input_channels, 1);
    assert_eq!(Wide::spec().stages[0].bottleneck, Bottleneck::expands(2));
    assert_eq!(Narrow::spec().stages[0].bottleneck, Bottleneck::reduces(4));
    assert_eq!(Gated::spec().se, Some(0.5));
    assert_eq!(Deep::spec().stages.iter().map(|stage| stage.depth).sum::<usize>(), 70);
    assert_eq!(OneStage::spec().stages.len(), 1);
}
