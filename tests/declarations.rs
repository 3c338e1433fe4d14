//! What the macro computes while it expands, against the run time; the run time is checked against the published
//! tables in `regnet-space/tests/published.rs`.
#![allow(clippy::unwrap_used)]

use regnet::space::{AnyNet, Preset, presets};
use regnet::{Declared, regnet};

/// Declares each preset in type and item position, and collects what the compiler knows of both.
macro_rules! published {
    ($($item:ident $family:ident - $size:literal;)*) => {
        mod items {
            use regnet::regnet;

            $(regnet! { pub struct $item = $family - $size; })*
        }

        fn declared() -> Vec<(&'static str, AnyNet, Figures)> {
            vec![$({
                type Typed = regnet!($family - $size);
                assert_eq!(<Typed as Declared>::spec(), <items::$item as Declared>::spec());
                let figures = Figures {
                    widths: items::$item::STAGE_WIDTHS.to_vec(),
                    depths: items::$item::STAGE_DEPTHS.to_vec(),
                    groups: items::$item::GROUP_WIDTHS.to_vec(),
                    flops: items::$item::FLOPS,
                    params: items::$item::PARAMS,
                    acts: items::$item::ACTS,
                };
                let name = concat!(stringify!($family), "-", stringify!($size));
                (name, <items::$item as Declared>::spec(), figures)
            }),*]
        }
    };
}

#[derive(Debug, PartialEq)]
struct Figures {
    widths: Vec<usize>,
    depths: Vec<usize>,
    groups: Vec<usize>,
    flops: u64,
    params: u64,
    acts: u64,
}

published! {
    X200 RegNetX-200MF; X400 RegNetX-400MF; X600 RegNetX-600MF; X800 RegNetX-800MF;
    X1600 RegNetX-1.6GF; X3200 RegNetX-3.2GF; X4000 RegNetX-4.0GF; X6400 RegNetX-6.4GF;
    X8000 RegNetX-8.0GF; X12000 RegNetX-12GF; X16000 RegNetX-16GF; X32000 RegNetX-32GF;
    Y200 RegNetY-200MF; Y400 RegNetY-400MF; Y600 RegNetY-600MF; Y800 RegNetY-800MF;
    Y1600 RegNetY-1.6GF; Y3200 RegNetY-3.2GF; Y4000 RegNetY-4.0GF; Y6400 RegNetY-6.4GF;
    Y8000 RegNetY-8.0GF; Y12000 RegNetY-12GF; Y16000 RegNetY-16GF; Y32000 RegNetY-32GF;
}

#[test]
fn the_constants_of_every_published_model_are_the_run_times() {
    let declared = declared();
    assert_eq!(declared.len(), presets().len());
    for (name, declared, constants) in declared {
        let spec = Preset::find(name).unwrap().declaration().to_anynet().unwrap();
        assert_eq!(declared, spec, "{name}");
        let complexity = spec.complexity(224, 224).unwrap();
        let column = |f: fn(&regnet::space::Stage) -> usize| spec.stages.iter().map(f).collect();
        let expected = Figures {
            widths: column(|s| s.width),
            depths: column(|s| s.depth),
            groups: column(|s| s.group_width),
            flops: complexity.flops,
            params: complexity.params,
            acts: complexity.acts,
        };
        assert_eq!(constants, expected, "{name}");
    }
}

/// Squeeze-and-excitation ratios survive the way through the types, also where every width rounds.
#[test]
fn other_ratios_give_the_same_layers() {
    type Odd = regnet!(< d=9, w0=24, wa=20.5, wm=2.3, g=8, b=2, se=0.3 >, classes = 7, stem = resnet(16));
    let spec = Odd::spec();
    let mut stage_widths = spec.stages.iter().map(|s| s.width);
    assert!(stage_widths.all(|w| w % 8 == 0));
    let params = regnet::space::RegNetParams {
        d: 9,
        w0: 24,
        wa: 20.5,
        wm: 2.3,
        g: 8,
        b: regnet::space::Bottleneck::reduces(2),
        se: Some(0.3),
    };
    let expected = params.to_anynet(spec.stem, 3, 7).unwrap();
    type Vanishing = regnet!(< d=5, w0=16, wa=16, wm=2.2, g=8, se=0.03 >);
    let vanishing = Vanishing::spec();
    assert_eq!((vanishing.se_width(16), vanishing.se_width(64)), (None, Some(2)));

    let names = |net: &AnyNet| net.graph(96, 96).unwrap().parameters().collect::<Vec<_>>();
    assert_eq!(names(&spec), names(&expected));
}
