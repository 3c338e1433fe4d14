//! Every kernel against loops that say what it computes, bit for bit: by the instructions where the machine has them, and by
//! their twins everywhere.

mod desk;
mod network;
mod non_finite;
mod reference;

use super::{Code, Convert, Dense, Format, Grouped, Kind, Sources, pack, quantise};
use crate::frozen::dense::Operand;
use crate::frozen::isa::Isa;
use desk::Desk;
use reference::{Planes, Product};

/// The ways to multiply that there are here.
fn ways() -> Vec<(Format, Isa)> {
    let formats = [Format::Bf16, Format::Int8];
    let here = formats.into_iter().flat_map(|format| {
        let fast = Isa::available().into_iter().filter(move |&isa| format.is_available(isa));
        fast.chain([Isa::Portable]).map(move |isa| (format, isa))
    });
    here.collect()
}

/// Numbers between -1 and 1.
fn numbers(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) as f64 / (1_u64 << 30) as f64 - 1.0) as f32
    }
}

#[test]
fn conversions() {
    for (format, isa) in ways() {
        for (shape, stride) in [([5, 3, 7], 1), ([16, 4, 4], 2), ([37, 5, 3], 2)] {
            let mut desk = Desk::new(format, isa, 2);
            let mut next = numbers(3);
            let mut planes = Planes::new(2, shape, |_, _, _, _| 2.0 * next());
            planes.values[..3].copy_from_slice(&[f32::INFINITY, 1e30, -1e30]);
            let gates = Planes::new(2, [shape[0], 1, 1], |_, _, _, _| next().abs());
            let code = Code::new([-0.5, 1.5]);
            let (input, gate) = (desk.filled(&planes), desk.filled(&gates));
            let [channels, height, width] = shape;
            let small = [channels, height.div_ceil(stride), width.div_ceil(stride)];
            let out = desk.map(small, 1, format.per_word());
            desk.run(Kind::Convert(Convert { input, stride, gate: Some(gate), out, code }), 3);
            let expected = Planes::new(2, small, |image, channel, row, column| {
                planes.at(image, channel, row * stride, column * stride) * gates.at(image, channel, 0, 0)
            });
            let expected: Vec<u32> =
                expected.values.iter().map(|&value| reference::encode(format, code, value)).collect();
            assert_eq!(desk.bits(&out, channels), expected, "{} by {isa}, {shape:?}", format.name());
            // Of the infinity, there is nothing left in int8.
            assert_eq!(desk.lost(), [format == Format::Int8, false], "{} by {isa}, {shape:?}", format.name());
        }
    }
}

#[test]
fn products_of_pixels() {
    // Input channels of each operand, output channels, height and width, images.
    let cases: [(&[usize], usize, [usize; 2], usize); 7] = [
        (&[16], 16, [4, 4], 1),
        (&[24], 32, [7, 7], 2),
        (&[3], 5, [3, 5], 1),
        (&[40, 24], 48, [5, 5], 3),
        (&[17, 1], 33, [1, 2], 1),
        (&[64, 30], 80, [2, 7], 2),
        (&[8, 8, 8], 7, [6, 1], 1),
    ];
    for (format, isa) in ways() {
        for (index, &(inputs, outputs, [height, width], images)) in cases.iter().enumerate() {
            let mut next = numbers(index as u64);
            let operands: Vec<_> = inputs
                .iter()
                .enumerate()
                .map(|(operand, &channels)| {
                    // Codes of all signs and sizes.
                    let scale = 1.0 + operand as f32;
                    let least = if operand == 1 { -scale } else { 0.0 };
                    let planes = Planes::new(images, [channels, height, width], |_, _, _, _| {
                        scale * next().max(least)
                    });
                    let weights = (0..outputs * channels).map(|_| next()).collect();
                    (planes, weights, Code::new([least, scale]))
                })
                .collect();
            let shape = [outputs, height, width];
            let shortcut = index.is_multiple_of(2).then(|| Planes::new(images, shape, |_, _, _, _| next()));
            let bias: Vec<f32> = (0..outputs).map(|_| next()).collect();
            let relu = !index.is_multiple_of(3);
            let code = Code::new([if relu { 0.0 } else { -3.0 }, 4.0]);
            let mut product = Product { format, bias, scale: Vec::new(), shortcut, relu, code };
            let mut weights: Vec<(Vec<f32>, Code)> = operands
                .iter()
                .map(|(_, weights, code): &(_, Vec<f32>, _)| (weights.clone(), *code))
                .collect();
            product.scale = quantise(format, &mut weights, &mut product.bias);

            let mut desk = Desk::new(format, isa, images);
            let outlet = desk.outlet(&product, shape);
            let steps = operands.iter().zip(&weights).map(|((planes, _, code), (weights, _))| Operand {
                map: desk.narrow(planes, 0, *code),
                weights: desk.add_words(&pack(format, weights, outputs, isa.lanes())),
            });
            let operands_here = steps.collect();
            let dense = Dense {
                operands: operands_here,
                inputs: inputs.iter().sum(),
                outputs,
                pixels: height * width,
                outlet,
            };
            let Kind::Dense(dense) = desk.run(Kind::Dense(dense), 1 + index % 3) else { unreachable!() };
            let planes: Vec<_> = operands
                .iter()
                .zip(&weights)
                .map(|((planes, _, code), (weights, _))| (planes, &weights[..], *code))
                .collect();
            let expected = product.of_pixels(&planes, shape, images);
            desk.check(
                &format!("{} by {isa}, case {index}", format.name()),
                &dense.outlet,
                &product,
                &expected,
            );
        }
    }
}

#[test]
fn grouped_convolutions() {
    // Channels, group width, height and width, stride, images.
    let cases = [
        (16, 8, [7, 7], 1, 1),
        (24, 8, [9, 5], 2, 2),
        (48, 24, [8, 3], 1, 2),
        (32, 16, [1, 1], 1, 1),
        (56, 56, [6, 15], 2, 1),
        (40, 4, [5, 8], 1, 3),
        (36, 12, [4, 4], 2, 1),
        (80, 40, [2, 9], 1, 1),
    ];
    for (format, isa) in ways() {
        for (index, &(channels, group_width, [height, width], stride, images)) in cases.iter().enumerate() {
            let mut next = numbers(index as u64);
            let code = Code::new([0.0, 1.0]);
            let planes = Planes::new(images, [channels, height, width], |_, _, _, _| next().max(0.0));
            let weights: Vec<f32> = (0..channels * group_width * 9).map(|_| next()).collect();
            let shape = [channels, height.div_ceil(stride), width.div_ceil(stride)];
            let shortcut = index.is_multiple_of(2).then(|| Planes::new(images, shape, |_, _, _, _| next()));
            let bias: Vec<f32> = (0..channels).map(|_| next()).collect();
            let relu = true;
            let out = Code::new([0.0, 6.0]);
            let mut product = Product { format, bias, scale: Vec::new(), shortcut, relu, code: out };
            let mut operands = [(weights, code)];
            product.scale = quantise(format, &mut operands, &mut product.bias);
            let [(weights, _)] = operands;

            let mut desk = Desk::new(format, isa, images);
            let sources = Sources::new(format, channels, group_width, isa.lanes()).expect("whole words");
            let grouped = Grouped {
                input: desk.narrow(&planes, 1, code),
                stride,
                height: shape[1],
                width: shape[2],
                channels,
                weights: desk.add_words(&sources.pack(format, &weights, isa.lanes())),
                sources: sources.into(),
                outlet: desk.outlet(&product, shape),
            };
            let Kind::Grouped(grouped) = desk.run(Kind::Grouped(grouped), 1 + index % 3) else {
                unreachable!()
            };
            let expected = product.of_groups(&planes, &weights, code, [group_width, stride]);
            desk.check(
                &format!("{} by {isa}, case {index}", format.name()),
                &grouped.outlet,
                &product,
                &expected,
            );
        }
    }
}

#[test]
fn images_that_lose_a_value_are_noted() {
    // So small that tiles of pixels lie across images.
    let (images, channels, [height, width]) = (4, 36, [3, 5]);
    let shape = [channels, height, width];
    for (format, isa) in ways() {
        for (value, relu) in
            [(f32::NAN, true), (f32::NAN, false), (f32::INFINITY, true), (f32::NEG_INFINITY, false)]
        {
            for grouped in [false, true] {
                let mut next = numbers(1);
                let code = Code::new([0.0, 1.0]);
                let planes = Planes::new(images, shape, |_, _, _, _| next().max(0.0));
                let mut shortcut = Planes::new(images, shape, |_, _, _, _| next());
                // The last pixel of the second image, and the first of the last one.
                let pixels = height * width;
                let images_with = [(1, channels - 1, pixels - 1), (3, 0, 0)];
                for (image, channel, pixel) in images_with {
                    shortcut.values[(image * channels + channel) * pixels + pixel] = value;
                }
                let (bias, scale) = (vec![0.25; channels], Vec::new());
                let mut product = Product { format, bias, scale, shortcut: Some(shortcut), relu, code };
                let group_width = if grouped { 12 } else { channels };
                let taps = if grouped { 9 } else { 1 };
                let weights = (0..channels * group_width * taps).map(|_| next()).collect();
                let mut operands = [(weights, code)];
                product.scale = quantise(format, &mut operands, &mut product.bias);
                let [(weights, _)] = operands;

                let mut desk = Desk::new(format, isa, images);
                let outlet = desk.outlet(&product, shape);
                let step = if grouped {
                    let sources = Sources::new(format, channels, group_width, isa.lanes());
                    let sources = sources.expect("whole words");
                    Kind::Grouped(Grouped {
                        input: desk.narrow(&planes, 1, code),
                        stride: 1,
                        height,
                        width,
                        channels,
                        weights: desk.add_words(&sources.pack(format, &weights, isa.lanes())),
                        sources: sources.into(),
                        outlet,
                    })
                } else {
                    let map = desk.narrow(&planes, 0, code);
                    let weights = desk.add_words(&pack(format, &weights, channels, isa.lanes()));
                    Kind::Dense(Dense {
                        operands: vec![Operand { map, weights }],
                        inputs: channels,
                        outputs: channels,
                        pixels,
                        outlet,
                    })
                };
                desk.run(step, 3);
                let is_lost = format == Format::Int8;
                let what = format!("{value}, {} by {isa}, grouped: {grouped}", format.name());
                assert_eq!(desk.lost(), [false, is_lost, false, is_lost], "{what}");
            }
        }
    }
}

#[test]
fn groups_of_no_whole_words_have_no_sources() {
    assert!(Sources::new(Format::Bf16, 9, 3, 16).is_none());
    assert!(Sources::new(Format::Int8, 12, 6, 16).is_none());
    // Sixteen channels of groups of six come from three blocks.
    assert!(Sources::new(Format::Bf16, 48, 6, 16).is_none());
}
