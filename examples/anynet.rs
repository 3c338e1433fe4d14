//! Networks declared stage by stage: ResNets, a ResNeXt, and a plain network without shortcuts.
//!
//! ```sh
//! cargo run --release --example anynet
//! ```

use regnet::{Declared, anynet};

anynet! {
    /// ResNet-56 for CIFAR-10 (He et al., 2016, section 4.2).
    pub struct ResNet56 = < depths=[9, 9, 9], widths=[16, 32, 64], strides=[1, 2, 2], block=basic >;
    stem    = cifar(16);
    classes = 10;

    /// The same without shortcuts.
    pub struct V56 = < depths=[9, 9, 9], widths=[16, 32, 64], strides=[1, 2, 2], block=vanilla >;
    stem    = cifar(16);
    classes = 10;

    /// ResNet-50: bottlenecks whose 3x3 convolution is a quarter as wide and has one group.
    pub struct ResNet50 = <
        depths=[3, 4, 6, 3], widths=[256, 512, 1024, 2048], strides=[1, 2, 2, 2], bottleneck=4
    >;
    stem = resnet(64);

    /// ResNeXt-50 32x4d: half as wide, in 32 groups (Xie et al., 2017).
    pub struct ResNeXt50 = <
        depths=[3, 4, 6, 3], widths=[256, 512, 1024, 2048], strides=[1, 2, 2, 2],
        bottleneck=2, groups=[4, 8, 16, 32]
    >;
    stem = resnet(64);
}

// The compiler checks that the network lies in a design space: that some quantised line makes these stages.
type InSpace = anynet!(depths = [1, 1, 4, 7], widths = [24, 56, 152, 368], groups = 8, space = RegNetX);

fn describe<N: Declared>(name: &str) {
    let spec = N::spec();
    let [_, height, width] = N::INPUT;
    match spec.describe(height, width) {
        Ok(table) => println!("{name} at {height} x {width}\n{table}\n"),
        Err(error) => println!("{name}: {error}"),
    }
}

fn main() {
    describe::<ResNet56>("ResNet-56");
    describe::<V56>("V-56");
    describe::<ResNet50>("ResNet-50");
    describe::<ResNeXt50>("ResNeXt-50 32x4d");
    describe::<InSpace>("RegNetX-200MF, stage by stage");

    // An item's figures are constants.
    const _: () = assert!(ResNet56::PARAMS < 1_000_000 && ResNet50::FLOPS < ResNeXt50::FLOPS);
}
