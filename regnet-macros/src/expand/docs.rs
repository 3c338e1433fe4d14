//! The documentation of a named network: its stage table.

use regnet_space::text::grouped;
use regnet_space::{Complexity, Limit, StageRow, nearest_preset};

use crate::check::Model;

/// The paper of the regulators.
const REGULATED: &str = "2101.00590";

/// Markdown, line by line, to follow what the user wrote.
pub fn markdown(model: &Model) -> Vec<String> {
    let mut lines = vec![String::new(), heading(model), String::new()];
    lines.extend(stages(model));
    lines.extend(budget(model));
    lines.extend(note(model));
    lines
}

/// What it is, by which papers, and for which images.
fn heading(model: &Model) -> String {
    let [channels, height, width] = model.input;
    let (title, paper, classes) = (&model.title, arxiv(model.paper), model.net.classes);
    let regulated = model
        .net
        .regulator
        .map_or(String::new(), |regulator| format!(", regulated by `{regulator}` ({}),", arxiv(REGULATED)));
    format!("{title} ({paper}){regulated} for {channels} x {height} x {width} images and {classes} classes.")
}

fn arxiv(number: &str) -> String {
    format!("[arXiv {number}](https://arxiv.org/abs/{number})")
}

/// The stage table, with a column for the regulators where there are any.
fn stages(model: &Model) -> Vec<String> {
    let regulated = model.net.regulator.is_some();
    let [title, rule] = if regulated { [" regulator |", " ---: |"] } else { [""; 2] };
    let mut lines = vec![
        format!("| stage | blocks | width | group width |{title} output size | params | flops |"),
        format!("| --- | ---: | ---: | ---: |{rule} ---: | ---: | ---: |"),
    ];
    // The stem and the head have none.
    let mut regulators = [String::new()].into_iter().chain(model.net.regulators());
    lines.extend(model.table.iter().map(|row| {
        let regulator = regulated.then(|| regulators.next().unwrap_or_default());
        self::row(row, regulator)
    }));
    let blocks: usize = model.table.iter().map(|row| row.blocks).sum();
    let Complexity { flops, params, .. } = model.complexity();
    let blank = if regulated { " | | | |" } else { " | | |" };
    lines.push(format!("| total | {blocks} |{blank} {} | {} |", grouped(params), grouped(flops)));
    lines
}

/// A row for each limit that the network keeps.
fn budget(model: &Model) -> Vec<String> {
    if model.budget.is_empty() {
        return Vec::new();
    }
    let head = ["", "| budget | limit | network | used |", "| --- | ---: | ---: | ---: |"].map(str::to_owned);
    let rows = model.budget.iter().map(|&(Limit { quantity, most }, cost)| {
        let percent = (100.0 * cost as f64 / most as f64).round();
        format!("| {quantity} | {} | {} | {percent} % |", quantity.readable(most), quantity.readable(cost))
    });
    head.into_iter().chain(rows).collect()
}

/// What the user should know of a network that is almost a published one.
fn note(model: &Model) -> Vec<String> {
    match nearest_preset(&model.net) {
        Some(near) => vec![String::new(), format!("Note: {near}.")],
        None => Vec::new(),
    }
}

fn row(row: &StageRow, regulator: Option<String>) -> String {
    let StageRow { name, blocks, group_width, output, complexity } = row;
    let blocks = if *blocks == 0 { String::new() } else { blocks.to_string() };
    let group_width = group_width.map_or(String::new(), |width| width.to_string());
    let regulator = regulator.map_or(String::new(), |regulator| format!(" {regulator} |"));
    format!(
        "| {name} | {blocks} | {} | {group_width} |{regulator} {} x {} | {} | {} |",
        output.c,
        output.h,
        output.w,
        grouped(complexity.params),
        grouped(complexity.flops)
    )
}
