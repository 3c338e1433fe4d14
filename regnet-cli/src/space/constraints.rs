//! `regnet space constraints`.

use std::io::Write;

use regnet::space::design::{Axis, Key};
use regnet::space::text::Table;
use regnet::space::{DesignSpace, Distribution, SpaceName};

/// A design space.
#[derive(clap::Args)]
pub struct Args {
    /// Its name [default: an AnyNet space and a RegNet space]
    space: Option<String>,
}

/// Prints a row for each key: the values of the space, what else it may be given, and an example.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let spaces = match &args.space {
        Some(text) => vec![super::space(text)?],
        None => [SpaceName::AnyNetXA, SpaceName::RegNetX].map(DesignSpace::new).to_vec(),
    };
    for space in &spaces {
        writeln!(out, "{space}\n\n{}\n", table(space))?;
    }
    writeln!(out, "{}", notes())?;
    Ok(())
}

fn table(space: &DesignSpace) -> Table {
    let mut table = Table::new(["key", "values", "may be given", "example"]);
    for key in Key::all(space.base()) {
        let values = match key {
            Key::Axis(axis, _) => {
                space.choices(axis).first().map(|choice| choice.describe()).unwrap_or_default()
            }
            Key::Stages => space.stages().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            _ => String::new(),
        };
        table.push([key.name().to_owned(), values, key.allowed(space.base()), key.example().to_owned()]);
    }
    table
}

fn notes() -> String {
    let stages: Vec<String> = Axis::of(SpaceName::AnyNetXA).iter().map(|axis| format!("{axis}1")).collect();
    format!(
        "\
`key = a`, `key = {{a, b}}` set values; `key = a..b`, `key >= a`, `key < b` keep those of the space in a range, ends of `..`
included; `w0 = wa` ties the slope to the initial width. A stage of an AnyNet space is counted from 1: {}.
`key ~ DISTRIBUTION` draws it from one of: {}.
Widths drawn are fitted to groups: g is at most the inner width w / b, which is rounded to the nearest multiple of g.",
        stages.join(", "),
        Distribution::ALL.map(Distribution::name).join(", ")
    )
}
