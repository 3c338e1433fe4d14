//! Published models with random weights in the frozen engine: time, speed, and the share of what the machine can do.
//!
//! `cargo bench -p regnet-engine --bench frozen -- [MODEL..] [--batch N] [--threads T] [--isa NAME] [--profile]
//! [--precision f32|bf16|int8]`

use std::collections::HashMap;
use std::time::Instant;

use regnet_engine::frozen::{Calibration, Engine, Isa, Options, Precision, peak};
use regnet_space::{Preset, graph::Graph};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let after = |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
    let number = |flag: &str, default: usize| after(flag).map_or(Ok(default), |word| word.parse());
    let threads = number("--threads", 2)?;
    let isa = after("--isa").map_or(Ok(Isa::best()), |word| word.parse())?;
    let batches = after("--batch").map_or(Ok(vec![1, 16]), |word| word.parse().map(|batch| vec![batch]))?;
    let precision = after("--precision").map_or("f32", String::as_str);
    let models: Vec<&String> = words.iter().take_while(|word| !word.starts_with("--")).collect();
    let default = ["RegNetX-200MF", "RegNetY-400MF", "RegNetX-600MF", "RegNetX-1.6GF"].map(String::from);
    let models = if models.is_empty() { default.iter().collect() } else { models };

    let peak = peak::flops(isa, threads)?;
    println!(
        "{precision} by {isa}, {threads} threads: in f32 {:.0} GFLOP/s at most, {:.1} GB/s",
        peak / 1e9,
        peak::bandwidth(threads)? / 1e9
    );
    println!(
        "| model | batch | median ms | least ms | GFLOP/s | share |\n| --- | --- | --- | --- | --- | --- |"
    );
    for model in models {
        let spec = Preset::find(model)?.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
        let graph = spec.graph(224, 224)?;
        let flops = spec.complexity(224, 224)?.flops as f64;
        let tensors = tensors(&graph);
        let tensor = |name: &str| tensors.get(name).cloned();
        let options = Options { threads, isa, ..Options::default() };
        let precision = match precision {
            "f32" => Precision::F32,
            "bf16" => Precision::Bf16,
            "int8" => {
                let mut calibration = Calibration::new(&graph, tensor, &options)?;
                calibration.watch(&[0.5; 3 * 224 * 224])?;
                Precision::Int8(calibration.ranges()?)
            }
            other => return Err(format!("`{other}` is no precision: choose f32, bf16 or int8").into()),
        };
        let engine = Engine::new(&graph, tensor, &Options { precision, ..options })?;
        for &batch in &batches {
            let images = vec![0.5; batch * 3 * 224 * 224];
            let mut logits = vec![0.0; batch * 1000];
            let mut seconds: Vec<f64> = (0..30)
                .map(|_| {
                    let start = Instant::now();
                    engine.run(&images, &mut logits).map(|()| start.elapsed().as_secs_f64())
                })
                .collect::<Result<_, _>>()?;
            seconds.sort_by(f64::total_cmp);
            let speed = 2.0 * flops * batch as f64 / seconds[15];
            println!(
                "| {model} | {batch} | {:.2} | {:.2} | {:.0} | {:.0} % |",
                seconds[15] * 1e3,
                seconds[0] * 1e3,
                speed / 1e9,
                100.0 * speed / peak
            );
            if words.iter().any(|word| word == "--profile") {
                profile(&engine, &images, batch, threads, peak)?;
            }
        }
    }
    Ok(())
}

fn profile(
    engine: &Engine,
    images: &[f32],
    batch: usize,
    threads: usize,
    peak: f64,
) -> Result<(), Box<dyn std::error::Error>> {
    // Where threads have images of their own, a step's time is that of one thread's images.
    let alone = if batch >= threads { threads as f64 } else { 1.0 };
    let steps = engine.profile(images, 10)?;
    let all: f64 = steps.iter().map(|step| step.seconds).sum();
    for step in steps {
        let speed = 2.0 * step.multiply_adds as f64 / step.seconds;
        println!(
            "  {:14} {:18} {:4}x{:3}x{:3} {:8.1} us {:4.1} % {:6.0} GFLOP/s {:3.0} % {:6.1} GB/s",
            step.layer,
            step.kind,
            step.shape.c,
            step.shape.h,
            step.shape.w,
            step.seconds * 1e6 / batch as f64 * alone,
            100.0 * step.seconds / all,
            speed / 1e9,
            100.0 * speed / peak,
            step.bytes as f64 / step.seconds / 1e9
        );
    }
    Ok(())
}

fn tensors(graph: &Graph) -> HashMap<String, Vec<f32>> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) as f64 / (1_u64 << 30) as f64 - 1.0) as f32
    };
    let each = graph.parameters().map(|tensor| {
        let inputs: usize = tensor.shape[1..].iter().product();
        let len: usize = tensor.shape.iter().product();
        let scale = (3.0 / inputs as f32).sqrt();
        let positive = tensor.name.ends_with("running_var") || tensor.name.ends_with("bn.weight");
        let values = (0..len).map(|_| if positive { 1.0 + 0.3 * next() } else { scale * next() }).collect();
        (tensor.name, values)
    });
    each.collect()
}
