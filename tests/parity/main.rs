//! The typed layers against PyTorch and timm: values, gradients and running statistics, in f64 and f32.
//!
//! On the CPU, or with the feature `cuda` on the first GPU (`cargo test --features cuda --test parity`).
//!
//! Expected figures come from `tests/reference/`, whose README says how they were made.
#![allow(clippy::unwrap_used)]

mod blocks;
mod finite_differences;
mod formula;
mod losses;
mod networks;
mod plain_blocks;
mod reference;
mod regulated;
mod run;
mod stems;
