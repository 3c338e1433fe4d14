//! The documentation of a named network: its stage table.

use regnet_space::text::grouped;
use regnet_space::{Complexity, Limit, StageRow, nearest_preset};

use crate::check::Model;

/// Markdown, line by line, to follow what the user wrote.
pub fn markdown(model: &Model) -> Vec<String> {
    let [channels, height, width] = model.input;
    let classes = model.net.classes;
    let title = &model.title;
    let mut lines = vec![
        String::new(),
        format!(
            "{title} ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for {channels} x {height} x {width} \
             images and {classes} classes."
        ),
        String::new(),
        "| stage | blocks | width | group width | output size | params | flops |".to_owned(),
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |".to_owned(),
    ];
    lines.extend(model.table.iter().map(row));
    let blocks: usize = model.table.iter().map(|row| row.blocks).sum();
    let Complexity { flops, params, .. } = model.complexity();
    lines.push(format!("| total | {blocks} | | | | {} | {} |", grouped(params), grouped(flops)));
    lines.extend(budget(model));
    lines.extend(note(model));
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

fn row(row: &StageRow) -> String {
    let StageRow { name, blocks, group_width, output, complexity } = row;
    let blocks = if *blocks == 0 { String::new() } else { blocks.to_string() };
    let group_width = group_width.map_or(String::new(), |width| width.to_string());
    format!(
        "| {name} | {blocks} | {} | {group_width} | {} x {} | {} | {} |",
        output.c,
        output.h,
        output.w,
        grouped(complexity.params),
        grouped(complexity.flops)
    )
}
