//! The report as one HTML file that needs nothing else.

use askama::Template;
use regnet_space::Figure;
use regnet_space::statistics::Interval;
use regnet_space::text;

use super::entry::Entry;
use super::statistic::Statistic;
use super::summary::{Analysed, Comparison};
use super::{Report, distribution, scatter, stages};

/// How many of the best, and of the worst, are drawn.
const DRAWN: usize = 6;

/// What `templates/report.html` shows. Text is escaped there; `svg`s are pictures.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: String,
    populations: Vec<PopulationView<'a>>,
    comparisons: &'a [Comparison],
    edf: String,
    random_search: String,
    /// Each with the number of networks that take part.
    reweighted: Vec<(String, usize)>,
}

struct PopulationView<'a> {
    of: &'a Analysed,
    /// For links inside the page.
    id: String,
    best: Option<BestView<'a>>,
    models: Vec<ModelsView>,
    scatters: Vec<String>,
}

/// The best network of a population.
struct BestView<'a> {
    entry: &'a Entry,
    source: String,
}

/// Some networks, drawn.
struct ModelsView {
    heading: &'static str,
    models: Vec<ModelView>,
}

struct ModelView {
    svg: String,
    error: String,
    depths: String,
    widths: String,
    index: usize,
}

impl Report {
    /// The report as HTML: a page of its own, with its pictures inside and no references to anything outside.
    pub fn to_html(&self) -> String {
        let names: Vec<&str> = self.populations.iter().map(|population| population.name.as_str()).collect();
        let reweighted = |figure| distribution::reweighted(&self.populations, figure);
        let stages = self.most_stages();
        let page = Page {
            title: names.join(", "),
            populations: (1..)
                .zip(&self.populations)
                .map(|(i, of)| PopulationView::new(i, of, stages))
                .collect(),
            comparisons: &self.comparisons,
            edf: distribution::plain(&self.populations),
            random_search: distribution::random_search(&self.populations),
            reweighted: Figure::ALL.into_iter().filter_map(reweighted).collect(),
        };
        page.render().expect("rendering into a string cannot fail")
    }

    /// Stages of the network that has most of them.
    pub(super) fn most_stages(&self) -> usize {
        let entries = self.populations.iter().flat_map(|population| &population.entries);
        entries.map(|entry| entry.net.stages.len()).max().unwrap_or(0)
    }
}

impl<'a> PopulationView<'a> {
    fn new(number: usize, of: &'a Analysed, stages: usize) -> Self {
        let ranked = of.ranked();
        let best =
            ranked.first().map(|&entry| BestView { entry, source: entry.source(&type_name(of, entry)) });
        let worst: Vec<&Entry> = ranked.iter().skip(DRAWN).rev().take(DRAWN).copied().collect();
        let best_ones = &ranked[..ranked.len().min(DRAWN)];
        let most = (
            best_ones.iter().chain(&worst).map(|entry| entry.depth()).max().unwrap_or(0),
            best_ones.iter().chain(&worst).map(|entry| widest(entry)).max().unwrap_or(0),
        );
        let models = [("The best", best_ones), ("The worst", &worst)].into_iter();
        let models = models.filter(|(_, entries)| !entries.is_empty());
        Self {
            of,
            id: format!("p{number}"),
            best,
            models: models.map(|(heading, entries)| ModelsView::new(heading, entries, most)).collect(),
            scatters: Statistic::all(stages).into_iter().filter_map(|s| scatter::draw(of, s)).collect(),
        }
    }
}

impl ModelsView {
    fn new(heading: &'static str, entries: &[&Entry], most: (usize, usize)) -> Self {
        let view = |entry: &&Entry| ModelView {
            svg: stages::draw(&entry.net, most),
            error: percent(&entry.error),
            depths: entry.depths(),
            widths: entry.widths(),
            index: entry.index,
        };
        Self { heading, models: entries.iter().map(view).collect() }
    }
}

fn widest(entry: &Entry) -> usize {
    entry.net.stages.iter().map(|stage| stage.width).max().unwrap_or(0)
}

/// The name of a network's struct: the population's as far as it can be one, and the trial's index.
fn type_name(population: &Analysed, entry: &Entry) -> String {
    let name: String = population.name.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{}{}", if name.is_empty() { "Net" } else { name }, entry.index)
}

/// A part of one in per cent, with two decimals; a dash where there is none.
fn percent(part: &Option<f64>) -> String {
    part.map_or("–".to_owned(), |part| format!("{:.2}", 100.0 * part))
}

/// A difference of parts in per cent, with its sign.
fn difference(parts: &f64) -> String {
    format!("{:+.2}", 100.0 * parts)
}

/// An interval in per cent.
fn interval(interval: &Interval) -> String {
    format!("{:.2} to {:.2}", 100.0 * interval.low, 100.0 * interval.high)
}

fn grouped(n: &u64) -> String {
    text::grouped(*n)
}

fn probability(p: &f64) -> String {
    if *p < 1e-4 { format!("{p:.1e}") } else { format!("{p:.4}") }
}
