//! A named network: constants, spec, and the impls that come with it.

use regnet::{Declared, regnet};
use regnet_space::Preset;

regnet! {
    /// Leaves, 38 diseases.
    #[derive(PartialEq)]
    pub struct LeafNet = < d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=true >;
    input   = 3 x 224 x 224;
    classes = 38;
    stem    = simple(32);
}

regnet! { pub struct X600 = RegNetX-600MF; }

regnet! {
    struct Small = RegNetX-200MF, se = 0.25;
    stem = cifar(16);
    pub(crate) struct Smaller = < RegNetX-200MF >, stem = cifar(8);
    classes = 10;
}

fn main() {
    assert_eq!((LeafNet::DEPTH, LeafNet::CLASSES, LeafNet::INPUT), (16, 38, [3, 224, 224]));
    assert_eq!(LeafNet::STAGE_DEPTHS, [1, 3, 5, 7]);
    assert_eq!(LeafNet::STAGE_WIDTHS, [48, 96, 240, 528]);
    assert_eq!(LeafNet::GROUP_WIDTHS, [24; 4]);
    assert_eq!(LeafNet::INNER_WIDTHS, LeafNet::STAGE_WIDTHS);
    assert_eq!(LeafNet::STRIDES, [2; 4]);
    let cost = LeafNet::spec().complexity(224, 224).unwrap();
    assert_eq!((LeafNet::FLOPS, LeafNet::PARAMS, LeafNet::ACTS), (cost.flops, cost.params, cost.acts));

    // The model zoo of pycls.
    assert_eq!((X600::FLOPS, X600::PARAMS, X600::ACTS), (600_891_112, 6_196_040, 3_975_096));
    assert_eq!(X600::spec(), Preset::find("RegNetX-600MF").unwrap().declaration().to_anynet().unwrap());

    assert_eq!((Small::INPUT, Small::spec().stem.width), ([3, 32, 32], 16));
    assert_eq!((Smaller::CLASSES, Smaller::spec().stem.width), (10, 8));
    assert_eq!(<Smaller as Declared>::INPUT, [3, 32, 32]);
    let copy = LeafNet;
    assert_eq!(format!("{:?} {:?}", copy, X600::default()), "LeafNet X600");
    assert!(copy.clone() == LeafNet);
}
