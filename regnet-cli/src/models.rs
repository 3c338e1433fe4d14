//! `regnet models`.

use std::io::Write;

use regnet::space::text::{Table, grouped};
use regnet::space::{
    Cell, Complexity, Preset, SelfRegulated, presets, self_regulated_presets, torchvision_presets,
};
use serde_json::json;

use crate::report;

/// The side of ImageNet's images, for which costs are published.
const SIZE: usize = 224;

/// How to list the models.
#[derive(clap::Args)]
pub struct Args {
    /// Prints a JSON array instead
    #[arg(long)]
    json: bool,
}

/// Prints the published models and the torchvision variants that differ from them, then the self-regulated models.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let models = presets().iter().chain(torchvision_presets());
    if args.json {
        let models = models.map(json).chain(self_regulated().map(self_regulated_json));
        let models = models.collect::<anyhow::Result<Vec<_>>>()?;
        writeln!(out, "{}", serde_json::to_string_pretty(&models)?)?;
        return Ok(());
    }
    let mut table = Table::new([
        "name",
        "d",
        "w0",
        "wa",
        "wm",
        "g",
        "b",
        "se",
        "flops",
        "params",
        "acts",
        "top-1 error %",
    ]);
    for preset in models {
        table.push(row(preset)?);
    }
    writeln!(out, "{table}\n")?;
    let mut table = Table::new(["name", "cell", "image", "flops", "params", "acts"]);
    for (model, cell) in self_regulated() {
        table.push(self_regulated_row(model, cell)?);
    }
    writeln!(out, "{table}")?;
    Ok(())
}

/// Each self-regulated model with each cell.
fn self_regulated() -> impl Iterator<Item = (&'static SelfRegulated, Cell)> {
    let cells = [Cell::Rnn, Cell::Gru, Cell::Lstm];
    self_regulated_presets().iter().flat_map(move |model| cells.map(|cell| (model, cell)))
}

fn self_regulated_row(model: &SelfRegulated, cell: Cell) -> anyhow::Result<[String; 6]> {
    let side = model.images.side();
    let Complexity { flops, params, acts } = model.to_anynet(cell.into()).complexity(side, side)?;
    let image = format!("{side} x {side}");
    let [flops, params, acts] = [flops, params, acts].map(grouped);
    Ok([model.name.to_owned(), cell.to_string(), image, flops, params, acts])
}

fn self_regulated_json((model, cell): (&SelfRegulated, Cell)) -> anyhow::Result<serde_json::Value> {
    let side = model.images.side();
    let Complexity { flops, params, acts } = model.to_anynet(cell.into()).complexity(side, side)?;
    Ok(json!({
        "name": model.name, "depth": model.depth, "cell": cell.to_string(), "size": side,
        "flops": flops, "params": params, "acts": acts,
    }))
}

fn cost(preset: &Preset) -> anyhow::Result<Complexity> {
    let net = preset.declaration().to_anynet().map_err(report::parameters)?;
    Ok(net.complexity(SIZE, SIZE)?)
}

fn row(preset: &Preset) -> anyhow::Result<[String; 12]> {
    let Complexity { flops, params, acts } = cost(preset)?;
    let p = &preset.params;
    let blank_or = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
    Ok([
        preset.name.to_owned(),
        p.d.to_string(),
        p.w0.to_string(),
        p.wa.to_string(),
        p.wm.to_string(),
        p.g.to_string(),
        p.b.to_string(),
        blank_or(p.se),
        grouped(flops),
        grouped(params),
        grouped(acts),
        preset.top1_error.map_or(String::new(), |error| format!("{error:.3}")),
    ])
}

fn json(preset: &Preset) -> anyhow::Result<serde_json::Value> {
    let Complexity { flops, params, acts } = cost(preset)?;
    let p = &preset.params;
    Ok(json!({
        "name": preset.name,
        "d": p.d, "w0": p.w0, "wa": p.wa, "wm": p.wm, "g": p.g, "b": p.b.ratio(), "se": p.se,
        "flops": flops, "params": params, "acts": acts,
        "top1_error": preset.top1_error,
    }))
}
