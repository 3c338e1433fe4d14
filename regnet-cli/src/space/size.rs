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
    let mut table = Table::new(["space", "dim", "settings", "", "of the one before", "networks"]);
    let mut before = None;
    for space in &spaces {
        table.push(row(space, before));
        before = Some(space);
    }
    writeln!(out, "{table}\n")?;
    writeln!(out, "{NOTE}")?;
    Ok(())
}

const NOTE: &str = "\
settings: the values of all numbers, counted exactly; of rising numbers equal neighbours, too. The paper's figures
  (1.8e18, 6.8e16, 3.2e14, 1.3e13, 5.5e11 for A to E) divide by 4! for each number that rises instead.
  Of RegNets it is the grid that is drawn from, in steps of 0.1 of wa and 0.001 of wm. The paper's figure for RegNet, 3.0e8,
  is 64^4·6·3: d, w0, wa and wm of 64 values each, 6 of g and 3 of b.
networks: settings whose widths are fitted to the same stages count once.";

fn row(space: &DesignSpace, before: Option<&DesignSpace>) -> [String; 6] {
    let settings = space.settings();
    let part = before.map(|before| before.settings().near() / settings.near()).filter(|part| *part > 1.0);
    [
        space.to_string(),
        space.degrees_of_freedom().to_string(),
        settings.to_string(),
        format!("{:.1e}", settings.near()),
        part.map_or(String::new(), |part| format!("1/{part:.1}")),
        space.networks().map_or(String::new(), |networks| networks.to_string()),
    ]
}
