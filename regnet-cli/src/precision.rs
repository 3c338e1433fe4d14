//! `--precision`.

use clap::ValueEnum;
use regnet::frozen::Engine;

/// The numbers that the frozen engine computes convolutions with.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// 32 bits
    F32,
    /// 16 bits: faster, where the processor has AVX512_BF16
    Bf16,
    /// Whole numbers of 8 bits: faster still, where the processor has AVX512_VNNI
    Int8,
}

/// Says so where the processor has no instructions for what was asked for.
pub fn warn_of_fallback(asked: Precision, engine: &Engine) {
    let missing = match asked {
        Precision::Bf16 if engine.precision().name() != "bf16" => "AVX512_BF16",
        Precision::Int8 if engine.precision().name() != "int8" => "AVX512_VNNI",
        _ => return,
    };
    crate::report::note(format_args!(
        "warning: {} has no {missing} here: computing in {}",
        engine.isa(),
        engine.precision()
    ));
}
