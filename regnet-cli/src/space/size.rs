//! `regnet space size`.

use std::io::Write;

use regnet::space::text::Table;
use regnet::space::{DesignSpace, SpaceName};

/// Design spaces.
#[derive(clap::Args)]
pub struct Args {
    /// Their names, with constraints if you like: AnyNetXA "RegNetX, wm = 2" [default: the paper's]
    spaces: Vec<String>,
}

/// Prints a row for each space, and how its numbers were found.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let named = args.spaces.iter().map(|text| super::space(text));
    let all = SpaceName::ALL.into_iter().map(|name| Ok(DesignSpace::new(name)));
    let spaces: Vec<_> = if args.spaces.is_empty() {
        all.collect::<anyhow::Result<_>>()?
    } else {
        named.collect::<Result<_, _>>()?
    };
    let mut table = Table::new(["space", "dim", "settings", "", "of the one before", "paper", "networks"]);
    let mut before = None;
    for space in &spaces {
        table.push(row(space, before));
        before = Some(space);
    }
    writeln!(out, "{table}\n\n{NOTE}")?;
    Ok(())
}

const NOTE: &str = "\
settings: the values of all numbers, counted exactly, equal neighbours among rising numbers included; the paper divides by
  4! for each number that rises instead. Of RegNets it is the grid that is drawn from, in steps of 0.1 of wa and 0.001 of
  wm; the paper's 64^4·6·3 takes d, w0, wa and wm for one of 64 values each, g for one of 6 and b for one of 3.
networks: settings whose widths are fitted to the same stages count once; not counted for RegNets.";

fn row(space: &DesignSpace, before: Option<&DesignSpace>) -> [String; 7] {
    let settings = space.settings();
    // The grid of RegNets has nothing to do with that of AnyNets.
    let before = before.filter(|before| before.base().is_regnet() == space.base().is_regnet());
    let part = before.map(|before| before.settings().near() / settings.near()).filter(|part| *part > 1.0);
    let papers = *space == DesignSpace::new(space.base());
    [
        space.to_string(),
        space.degrees_of_freedom().to_string(),
        settings.to_string(),
        format!("{:.1e}", settings.near()),
        part.map_or(String::new(), |part| format!("1/{part:.1}")),
        if papers { format!("{:.1e}", space.base().paper_settings()) } else { String::new() },
        space.networks().map_or(String::new(), |networks| networks.to_string()),
    ]
}
