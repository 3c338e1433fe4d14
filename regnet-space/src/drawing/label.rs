//! What the boxes and edges of a drawing say.

use super::units::Kind;
use crate::graph::{Conv, Op, Shape, Step};

/// How a layer looks and what it says, for those that open a box of their own.
pub(super) fn of(op: &Op) -> Option<(Kind, String)> {
    match *op {
        Op::Conv(conv) => Some((Kind::Conv, self::conv(conv))),
        Op::MaxPool { kernel, stride } => {
            Some((Kind::Pool, format!("{kernel}×{kernel} max pool{}", halved(stride))))
        }
        Op::GlobalAvgPool => Some((Kind::Pool, "average pool".to_owned())),
        Op::Linear { output, .. } => Some((Kind::Linear, format!("linear, {output}"))),
        Op::Add => Some((Kind::Sum, "+".to_owned())),
        Op::Step(step) => Some((Kind::Step, self::step(step))),
        _ => None,
    }
}

fn conv(Conv { input, output, kernel, stride, group_width, .. }: Conv) -> String {
    let groups = if group_width == input { String::new() } else { format!(", g {group_width}") };
    format!("{kernel}×{kernel} conv, {output}{groups}{}", halved(stride))
}

fn step(Step { cells, stride, .. }: Step) -> String {
    format!("{} step, {}{}", cells.regulator.cell, cells.channels, halved(stride))
}

fn halved(stride: usize) -> String {
    if stride == 1 { String::new() } else { format!(", /{stride}") }
}

/// `48 × 56 × 56`.
pub(super) fn shape(Shape { c, h, w }: Shape) -> String {
    format!("{c} × {h} × {w}")
}

/// Three digits and a unit: `4.34M`.
pub(super) fn short(n: u64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let (mut value, mut unit) = (n as f64, 0);
    // What would be written as 1000 of a unit is 1 of the next.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        _ if unit == 0 => 0,
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn figures_have_three_digits() {
        for (n, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00K"),
            (9_994, "9.99K"),
            (9_996, "10.0K"),
            (99_949, "99.9K"),
            (99_951, "100K"),
            (999_499, "999K"),
            (999_500, "1.00M"),
            (4_344_144, "4.34M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(short(n), expected, "{n}");
        }
    }
}
