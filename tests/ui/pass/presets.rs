//! Presets, with and without changes.

use regnet::{Declared, regnet};
use regnet_space::Preset;

type Y400 = regnet!(RegNetY-400MF);
type Bracketed = regnet!(<RegNetY-400MF>);
type Timm = regnet!(regnety_004);
type Torchvision = regnet!(RegNetX-400MF-tv);
type Small = regnet!(RegNetX-1.6GF, classes = 10, stem = cifar(16));
type WithSe = regnet!(RegNetX-200MF, se = true);
type OutsideTheBox = regnet!(RegNetX-32GF, classes = 10);

fn main() {
    let published = Preset::find("RegNetY-400MF").unwrap().declaration().to_anynet().unwrap();
    assert_eq!(Y400::spec(), published);
    assert_eq!(Bracketed::spec(), published);
    assert_eq!(Timm::spec(), published);
    assert_eq!(Torchvision::spec().stages[3].width, 400);
    assert_eq!((Small::spec().classes, Small::spec().stem.width), (10, 16));
    assert_eq!(WithSe::spec().se, Some(0.25));
    assert_eq!(OutsideTheBox::spec().stages[0].width, 336);
}
