//! `regnet show`.

use std::io::Write;

use regnet::space::text::grouped;
use regnet::space::{AnyNet, Complexity, nearest_preset};
use regnet::train::Spec;
use serde_json::json;

use crate::subject::{Subject, SubjectArgs};

/// A network, and how to show it.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Prints one JSON object instead, which `regnet show` and `regnet codegen` read
    #[arg(long)]
    json: bool,
}

/// Prints the stage table and the complexity.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let Subject { net, image, .. } = args.subject.subject()?;
    let [height, width] = image;
    let cost = net.complexity(height, width)?;
    if args.json {
        writeln!(out, "{}", json(&net, image, cost))?;
        return Ok(());
    }
    let Complexity { flops, params, acts } = cost;
    writeln!(out, "{}\n", net.describe(height, width)?)?;
    writeln!(
        out,
        "{} flops (multiply-adds), {} parameters, {} activations for a {} x {height} x {width} image, {} stem, {} classes",
        grouped(flops),
        grouped(params),
        grouped(acts),
        net.input_channels,
        net.stem,
        net.classes,
    )?;
    if let Some(regulator) = net.regulator {
        writeln!(out, "regulator: {regulator}")?;
    }
    if let Some(near) = nearest_preset(&net) {
        writeln!(out, "note: {near}")?;
    }
    Ok(())
}

fn json(
    net: &AnyNet,
    [height, width]: [usize; 2],
    Complexity { flops, params, acts }: Complexity,
) -> serde_json::Value {
    let stages =
        |number: fn(&regnet::space::Stage) -> usize| net.stages.iter().map(number).collect::<Vec<_>>();
    json!({
        "network": Spec(net.clone()),
        "input": [net.input_channels, height, width],
        "stem": net.stem.kind.to_string(),
        "stem_width": net.stem.width,
        "stage_widths": stages(|stage| stage.width),
        "stage_depths": stages(|stage| stage.depth),
        "group_widths": stages(|stage| stage.group_width),
        "inner_widths": stages(|stage| stage.inner_width()),
        "block": net.block.to_string(),
        "se": net.se,
        "regulator": net.regulator.map(|regulator| regulator.to_string()),
        "classes": net.classes,
        "flops": flops,
        "params": params,
        "acts": acts,
    })
}
