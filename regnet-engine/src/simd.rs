//! Vectors of elements, generic over the element type and the instruction set.
//!
//! [`pulp`] finds the instruction set at run time and compiles one generic body for each; this trait adds what
//! it lacks, the choice between `f32` and `f64`.

use pulp::Simd;

/// An element type that fits the machine's vectors.
pub trait Lanes: Copy + Send + Sync {
    /// A register full of elements.
    type Vector<S: Simd>: Copy;

    /// Elements of a vector.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }

    /// `value` in every lane.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;

    /// `a + b`.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a - b`.
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a * b + c`, rounded once where the machine can.
    fn times_plus<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// `value` where `of` is positive or NaN, 0 elsewhere.
    fn where_positive<S: Simd>(simd: S, value: Self::Vector<S>, of: Self::Vector<S>) -> Self::Vector<S>;

    /// The sum of the lanes, always added in the same order.
    fn reduce_sum<S: Simd>(simd: S, vector: Self::Vector<S>) -> Self;

    /// The whole vectors of a slice, and the rest.
    fn split<S: Simd>(slice: &[Self]) -> (&[Self::Vector<S>], &[Self]);

    /// The whole vectors of a slice, and the rest.
    fn split_mut<S: Simd>(slice: &mut [Self]) -> (&mut [Self::Vector<S>], &mut [Self]);

    /// Less than a vector; the missing lanes are zero.
    fn load_partial<S: Simd>(simd: S, slice: &[Self]) -> Self::Vector<S>;

    /// Less than a vector; the other lanes are dropped.
    fn store_partial<S: Simd>(simd: S, slice: &mut [Self], vector: Self::Vector<S>);
}

macro_rules! lanes {
    ($element:ident, $vector:ident, $splat:ident, $add:ident, $sub:ident, $mul_add:ident, $not_above:ident, $select:ident, $reduce_sum:ident,
     $split:ident, $split_mut:ident, $load:ident, $store:ident) => {
        impl Lanes for $element {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$sub(a, b)
            }

            #[inline(always)]
            fn times_plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn where_positive<S: Simd>(simd: S, value: S::$vector, of: S::$vector) -> S::$vector {
                let zero = simd.$splat(0.0);
                simd.$select(simd.$not_above(of, zero), zero, value)
            }

            #[inline(always)]
            fn reduce_sum<S: Simd>(simd: S, vector: S::$vector) -> Self {
                simd.$reduce_sum(vector)
            }

            #[inline(always)]
            fn split<S: Simd>(slice: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$split(slice)
            }

            #[inline(always)]
            fn split_mut<S: Simd>(slice: &mut [Self]) -> (&mut [S::$vector], &mut [Self]) {
                S::$split_mut(slice)
            }

            #[inline(always)]
            fn load_partial<S: Simd>(simd: S, slice: &[Self]) -> S::$vector {
                simd.$load(slice)
            }

            #[inline(always)]
            fn store_partial<S: Simd>(simd: S, slice: &mut [Self], vector: S::$vector) {
                simd.$store(slice, vector)
            }
        }
    };
}

lanes!(
    f32,
    f32s,
    splat_f32s,
    add_f32s,
    sub_f32s,
    mul_add_e_f32s,
    less_than_or_equal_f32s,
    select_f32s,
    reduce_sum_f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    partial_load_f32s,
    partial_store_f32s
);
lanes!(
    f64,
    f64s,
    splat_f64s,
    add_f64s,
    sub_f64s,
    mul_add_e_f64s,
    less_than_or_equal_f64s,
    select_f64s,
    reduce_sum_f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    partial_load_f64s,
    partial_store_f64s
);
