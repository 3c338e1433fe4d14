//! `regnet show`.

use std::io::Write;

use regnet::space::text::grouped;
use regnet::space::{AnyNet, Complexity, StemKind, nearest_preset};
use serde_json::json;

use crate::network::NetworkArgs;

/// A network, and how to show it.
#[derive(clap::Args)]
pub struct Args {
    /// A published model, such as RegNetY-400MF or Self-Regulated-20
    name: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Classes that the head tells apart [default: the data set's that the model is for, else 1000]
    #[arg(long)]
    classes: Option<usize>,
    /// Height and width of the image in pixels [default: 224, or 32 with the cifar stem]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// Prints one JSON object instead
    #[arg(long)]
    json: bool,
}

/// Prints the stage table and the complexity.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut network = args.network.network(args.name.as_deref())?;
    if let Some(classes) = args.classes {
        *network.classes() = classes;
    }
    let net = network.to_anynet()?;
    let size = args.size.unwrap_or(if net.stem.kind == StemKind::Cifar { 32 } else { 224 });
    let cost = net.complexity(size, size)?;
    if args.json {
        writeln!(out, "{}", json(&net, size, cost))?;
        return Ok(());
    }
    let Complexity { flops, params, acts } = cost;
    writeln!(out, "{}\n", net.describe(size, size)?)?;
    writeln!(
        out,
        "{} flops (multiply-adds), {} parameters, {} activations for a {} x {size} x {size} image, {} stem, {} classes",
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

fn json(net: &AnyNet, size: usize, Complexity { flops, params, acts }: Complexity) -> serde_json::Value {
    let stages =
        |number: fn(&regnet::space::Stage) -> usize| net.stages.iter().map(number).collect::<Vec<_>>();
    json!({
        "input": [net.input_channels, size, size],
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
