//! `regnet space describe`.

use std::io::Write;

use regnet::space::design::Axis;
use regnet::space::text::{Table, grouped};
use regnet::space::{DesignSpace, Figure};

/// A design space.
#[derive(clap::Args)]
pub struct Args {
    /// Its name, with constraints if you like: AnyNetXE, or "RegNetX, wm = 2, g >= 8"
    space: String,
}

/// Prints a row for each number that is drawn, then the rules that the numbers keep together.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let space = super::space(&args.space)?;
    writeln!(out, "{space}\n\n{}\n", table(&space))?;
    for rule in rules(&space) {
        writeln!(out, "{rule}")?;
    }
    for figure in Figure::ALL {
        if let Some(window) = space.windows.of(figure) {
            let [least, most] = [*window.start(), *window.end()].map(grouped);
            match *window.end() {
                u64::MAX => writeln!(out, "{figure}: at least {least}")?,
                _ => writeln!(out, "{figure}: {least} to {most}")?,
            }
        }
    }
    let [channels, height, width] = space.input();
    let (stem, classes) = (space.stem, space.classes);
    writeln!(out, "{stem} stem, {channels} x {height} x {width} images, {classes} classes")?;
    writeln!(
        out,
        "{} degrees of freedom, {} settings ({:.1e})",
        space.degrees_of_freedom(),
        space.settings(),
        space.settings().near()
    )?;
    Ok(())
}

fn table(space: &DesignSpace) -> Table {
    let mut table = Table::new(["number", "of", "values", "distribution", "meaning"]);
    for &axis in Axis::of(space.base()) {
        let most = space.stages().last().copied().unwrap_or_default();
        let choices = &space.choices(axis)[..space.choices(axis).len().min(most)];
        let alike = choices.iter().all(|choice| *choice == choices[0]);
        let of = if choices.len() == 1 { "network" } else { "stage" };
        for (choice, stage) in choices.iter().zip(1..).take(if alike { 1 } else { choices.len() }) {
            let name = if alike { axis.to_string() } else { format!("{axis}{stage}") };
            let values = choice.describe();
            let distribution = choice.distribution().to_string();
            let meaning = axis.meaning(space.base()).to_owned();
            table.push([name, of.to_owned(), values, distribution, meaning]);
        }
    }
    table
}

/// What the numbers must keep to besides their values.
fn rules(space: &DesignSpace) -> Vec<String> {
    let counts: Vec<String> = space.stages().iter().map(ToString::to_string).collect();
    let mut rules = vec![format!("stages: {}", counts.join(", "))];
    for axis in [Axis::W, Axis::D] {
        if axis.rises(space.base()) {
            rules.push(format!("{axis} does not fall from stage to stage"));
        }
    }
    if space.is_tied() {
        rules.push("wa is w0".to_owned());
    }
    rules.extend(space.se.map(|ratio| format!("squeeze-and-excitation of ratio {ratio}")));
    rules.push("widths are fitted to groups: see `regnet space constraints`".to_owned());
    rules
}
