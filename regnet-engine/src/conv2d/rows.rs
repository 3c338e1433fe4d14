//! Copies of rows of pixels, most of them too short for a loop or a call of their own.

use crate::Real;

/// Where rows lie in a slice.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub start: usize,
    pub distance: usize,
}

/// Copies so many rows of so many pixels. Each side is a slice, where its rows lie, and the distance of their pixels, of
/// which at least one side's is 1.
pub(super) fn copy_rows<T: Real>(
    size: (usize, usize),
    from: (&[T], Rows, usize),
    to: (&mut [T], Rows, usize),
) {
    each_row(
        size,
        from,
        to,
        #[inline(always)]
        |to, from| *to = from,
    );
}

/// Adds rows to rows.
pub(super) fn add_rows<T: Real>(
    size: (usize, usize),
    from: (&[T], Rows, usize),
    to: (&mut [T], Rows, usize),
) {
    each_row(
        size,
        from,
        to,
        #[inline(always)]
        |to, from| *to += from,
    );
}

#[inline(always)]
fn each_row<T: Real>(
    (rows, width): (usize, usize),
    (from, a, from_step): (&[T], Rows, usize),
    (to, b, to_step): (&mut [T], Rows, usize),
    each: impl Fn(&mut T, T) + Copy,
) {
    let places = (0..rows).map(|r| (a.start + r * a.distance, b.start + r * b.distance));
    // Pairs, because the compiler has vectors for those, and known lengths for the same reason.
    match (from_step, to_step) {
        (1, 1) => {
            macro_rules! widths {
                ($($usual:literal)*) => {
                    match width {
                        $($usual => {
                            for (from_start, to_start) in places {
                                let from = &from[from_start..][..$usual];
                                let to = &mut to[to_start..][..$usual];
                                (0..$usual).for_each(|i| each(&mut to[i], from[i]));
                            }
                        })*
                        _ => {
                            for (from_start, to_start) in places {
                                let from = &from[from_start..][..width];
                                let to = &mut to[to_start..][..width];
                                to.iter_mut().zip(from).for_each(|(to, &from)| each(to, from));
                            }
                        }
                    }
                };
            }
            widths!(1 2 3 4 6 7 8 14 16);
        }
        (2, 1) => {
            for (from_start, to_start) in places {
                let to = &mut to[to_start..][..width];
                let (pairs, rest) = from[from_start..][..2 * width - 1].as_chunks::<2>();
                to.iter_mut().zip(pairs).for_each(|(to, &[from, _])| each(to, from));
                to[pairs.len()..].iter_mut().zip(rest).for_each(|(to, &from)| each(to, from));
            }
        }
        (1, 2) => {
            for (from_start, to_start) in places {
                let from = &from[from_start..][..width];
                let (pairs, rest) = to[to_start..][..2 * width - 1].as_chunks_mut::<2>();
                pairs.iter_mut().zip(from).for_each(|([to, _], &from)| each(to, from));
                rest.iter_mut().zip(&from[pairs.len()..]).for_each(|(to, &from)| each(to, from));
            }
        }
        _ => {
            for (from_start, to_start) in places {
                let from = from[from_start..].iter().step_by(from_step);
                to[to_start..].iter_mut().step_by(to_step).zip(from).take(width).for_each(|(to, &from)| {
                    each(to, from);
                });
            }
        }
    }
}
