//! The tables.

use super::{Family, Preset};
use crate::bottleneck::Bottleneck;
use crate::compat::Compatibility;
use crate::params::{RegNetParams, SE_RATIO};

/// A model of the pycls zoo.
const fn published(
    name: &'static str,
    family: Family,
    megaflops: u32,
    (d, w0, wa, wm, g): (usize, usize, f64, f64, usize),
    top1_error: f64,
) -> Preset {
    let se = match family {
        Family::X => None,
        Family::Y => Some(SE_RATIO),
    };
    Preset {
        name,
        family,
        megaflops,
        params: RegNetParams { d, w0, wa, wm, g, b: Bottleneck::ONE, se },
        compatibility: Compatibility::Published,
        top1_error: Some(top1_error),
    }
}

/// torchvision's variant of a published model.
const fn torchvision(name: &'static str, model: &Preset) -> Preset {
    let &Preset { family, megaflops, params, .. } = model;
    Preset { name, family, megaflops, params, compatibility: Compatibility::Torchvision, top1_error: None }
}

#[rustfmt::skip]
pub(super) static PUBLISHED: [Preset; 24] = [
    //         name             family         MF  (d,   w0,  wa,    wm,   g)    top-1 error
    published("RegNetX-200MF",  Family::X,    200, (13,  24,  36.44, 2.49,   8), 31.088),
    published("RegNetX-400MF",  Family::X,    400, (22,  24,  24.48, 2.54,  16), 27.382),
    published("RegNetX-600MF",  Family::X,    600, (16,  48,  36.97, 2.24,  24), 25.864),
    published("RegNetX-800MF",  Family::X,    800, (16,  56,  35.73, 2.28,  16), 24.846),
    published("RegNetX-1.6GF",  Family::X,  1_600, (18,  80,  34.01, 2.25,  24), 23.038),
    published("RegNetX-3.2GF",  Family::X,  3_200, (25,  88,  26.31, 2.25,  48), 21.736),
    published("RegNetX-4.0GF",  Family::X,  4_000, (23,  96,  38.65, 2.43,  40), 21.356),
    published("RegNetX-6.4GF",  Family::X,  6_400, (17, 184,  60.83, 2.07,  56), 20.844),
    published("RegNetX-8.0GF",  Family::X,  8_000, (23,  80,  49.56, 2.88, 120), 20.728),
    published("RegNetX-12GF",   Family::X, 12_000, (19, 168,  73.36, 2.37, 112), 20.288),
    published("RegNetX-16GF",   Family::X, 16_000, (22, 216,  55.59,  2.1, 128), 19.956),
    published("RegNetX-32GF",   Family::X, 32_000, (23, 320,  69.86,  2.0, 168), 19.498),
    published("RegNetY-200MF",  Family::Y,    200, (13,  24,  36.44, 2.49,   8), 29.658),
    published("RegNetY-400MF",  Family::Y,    400, (16,  48,  27.89, 2.09,   8), 25.898),
    published("RegNetY-600MF",  Family::Y,    600, (15,  48,  32.54, 2.32,  16),  24.54),
    published("RegNetY-800MF",  Family::Y,    800, (14,  56,  38.84,  2.4,  16), 23.684),
    published("RegNetY-1.6GF",  Family::Y,  1_600, (27,  48,  20.71, 2.65,  24), 22.066),
    published("RegNetY-3.2GF",  Family::Y,  3_200, (21,  80,  42.63, 2.66,  24), 21.074),
    published("RegNetY-4.0GF",  Family::Y,  4_000, (22,  96,  31.41, 2.24,  64),  20.64),
    published("RegNetY-6.4GF",  Family::Y,  6_400, (25, 112,  33.22, 2.27,  72),  20.11),
    published("RegNetY-8.0GF",  Family::Y,  8_000, (17, 192,  76.82, 2.19,  56), 20.052),
    published("RegNetY-12GF",   Family::Y, 12_000, (19, 168,  73.36, 2.37, 112),  19.67),
    published("RegNetY-16GF",   Family::Y, 16_000, (18, 200, 106.23, 2.48, 112), 19.608),
    published("RegNetY-32GF",   Family::Y, 32_000, (20, 232, 115.89, 2.53, 232), 19.066),
];

pub(super) static TORCHVISION: [Preset; 3] = [
    torchvision("RegNetX-400MF-tv", &PUBLISHED[1]),
    torchvision("RegNetY-800MF-tv", &PUBLISHED[15]),
    torchvision("RegNetY-8.0GF-tv", &PUBLISHED[20]),
];
