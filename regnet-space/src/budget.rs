//! Budgets: limits on what a network may cost.

use std::fmt;

use crate::error::SpecError;
use crate::graph::{Graph, Node};
use crate::memory::Mode;
use crate::preset::{Family, Preset, presets};
use crate::spec::AnyNet;
use crate::text::grouped;
use crate::words::{Words, says_its_words};

/// What a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Multiply-adds for one image.
    Flops,
    /// Trained numbers.
    Params,
    /// Activations for one image: values out of convolutions, max pooling and linear layers.
    Acts,
    /// Bytes, as [`memory`](crate::memory) counts them.
    Memory {
        /// Images in a batch.
        batch: usize,
        /// What for.
        mode: Mode,
    },
}

impl Quantity {
    /// The names in the order in which messages list them.
    pub const NAMES: [&str; 4] = ["flops", "params", "acts", "memory"];

    /// Its name in a declaration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flops => "flops",
            Self::Params => "params",
            Self::Acts => "acts",
            Self::Memory { .. } => "memory",
        }
    }

    /// `n` of this quantity in readable units, to four digits: `600.9M`, or `512MB` of memory. Units are decimal.
    pub fn readable(self, n: u64) -> String {
        let unit = if matches!(self, Self::Memory { .. }) { "B" } else { "" };
        format!("{}{unit}", scaled(n))
    }

    /// What the nodes of a graph cost, added up by part: `stem`, `s1` to `s6`, `head`.
    fn by_part(self, graph: &Graph) -> Vec<(String, u64)> {
        if let Self::Memory { batch, mode } = self {
            return graph.memory(batch, mode).parts().to_vec();
        }
        let mut parts: Vec<(String, u64)> = Vec::new();
        for node in graph.nodes() {
            let cost = self.of_layer(node);
            match parts.last_mut() {
                Some((part, sum)) if part == node.part() => *sum = sum.saturating_add(cost),
                _ => parts.push((node.part().to_owned(), cost)),
            }
        }
        parts
    }

    fn of_layer(self, node: &Node) -> u64 {
        let cost = node.complexity();
        match self {
            Self::Flops => cost.flops,
            Self::Params => cost.params,
            Self::Acts => cost.acts,
            Self::Memory { .. } => 0,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Memory { batch, mode: Mode::Inference } => write!(f, "memory (inference, batch = {batch})"),
            Self::Memory { batch, mode: Mode::Training } => write!(f, "memory (training, batch = {batch})"),
            other => f.write_str(other.name()),
        }
    }
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// What is limited.
    pub quantity: Quantity,
    /// The most that is allowed, in the quantity's unit.
    pub most: u64,
}

/// Limits on what a network may cost, all of which it must keep.
///
/// ```
/// use regnet_space::{Budget, Limit, Preset, Quantity};
///
/// let budget = Budget { limits: vec![Limit { quantity: Quantity::Flops, most: 400_000_000 }] };
/// let net = Preset::find("RegNetX-600MF")?.declaration().to_anynet().map_err(|mut errors| errors.remove(0))?;
/// let errors = budget.check(&net, 224, 224)?;
/// assert_eq!(
///     errors[0].to_string(),
///     "flops: 600.9M is over the budget of 400M; stage s4 costs most (41 %); \
///      the nearest smaller preset that fits is RegNetX-400MF (397.7M)"
/// );
/// # Ok::<(), regnet_space::ParamError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budget {
    /// The limits.
    pub limits: Vec<Limit>,
}

/// A limit that a network exceeds.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetError {
    /// The limit.
    pub limit: Limit,
    /// What the network costs.
    pub figure: u64,
    /// The part that costs most of it: `input`, `stem`, `s1` to `s6` or `head`.
    pub part: String,
    /// That part's share of the figure, from 0 to 1.
    pub share: f64,
    /// The largest smaller preset of the same family, with the same stem and head, that keeps the whole budget, and
    /// what it costs of this quantity.
    pub nearest: Option<(&'static Preset, u64)>,
}

says_its_words!(BudgetError);

impl BudgetError {
    /// What it says, in parts.
    pub fn words(&self) -> Words {
        let Self { limit: Limit { quantity, most }, figure, part, share, nearest } = self;
        let (mut has, mut may) = (quantity.readable(*figure), quantity.readable(*most));
        if has == may {
            (has, may) = (grouped(*figure), grouped(*most));
        }
        let noun = if part.starts_with('s') && part != "stem" { "stage" } else { "the" };
        let help = match nearest {
            Some((preset, figure)) => {
                let figure = quantity.readable(*figure);
                format!("the nearest smaller preset that fits is {} ({figure})", preset.name)
            }
            None => format!("no smaller preset fits: raise the limit, or make {noun} {part} smaller"),
        };
        let percent = (share * 100.0).round();
        let what =
            format!("{quantity}: {has} is over the budget of {may}; {noun} {part} costs most ({percent} %)");
        Words { what, help }
    }
}

impl Budget {
    /// The limits that `net` exceeds on images of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// A spec or size that is not sound, as [`AnyNet::graph`].
    pub fn check(&self, net: &AnyNet, height: usize, width: usize) -> Result<Vec<BudgetError>, SpecError> {
        let graph = net.graph(height, width)?;
        let mut errors: Vec<_> = self.limits.iter().filter_map(|limit| limit.error(&graph)).collect();
        if errors.is_empty() {
            return Ok(errors);
        }
        if let Some((preset, graph)) = self.nearest_preset(net, &graph, height, width) {
            for error in &mut errors {
                error.nearest = Some((preset, total(&error.limit.quantity.by_part(&graph))));
            }
        }
        Ok(errors)
    }

    /// What `net` costs of each limited quantity on images of `height` x `width` pixels.
    ///
    /// # Errors
    ///
    /// A spec or size that is not sound, as [`AnyNet::graph`].
    pub fn costs(&self, net: &AnyNet, height: usize, width: usize) -> Result<Vec<(Limit, u64)>, SpecError> {
        let graph = net.graph(height, width)?;
        let cost = |limit: &Limit| (*limit, total(&limit.quantity.by_part(&graph)));
        Ok(self.limits.iter().map(cost).collect())
    }

    /// The largest preset that costs fewer flops than `net` and keeps all limits.
    fn nearest_preset(
        &self,
        net: &AnyNet,
        graph: &Graph,
        height: usize,
        width: usize,
    ) -> Option<(&'static Preset, Graph)> {
        let family = if net.se.is_some() { Family::Y } else { Family::X };
        let flops = graph.complexity().flops;
        // Of one family, presets come by size.
        presets().iter().rev().filter(|preset| preset.family == family).find_map(|preset| {
            let published = preset.declaration().to_anynet().ok()?;
            let &AnyNet { input_channels, stem, regulator, classes, .. } = net;
            let like = AnyNet { input_channels, stem, regulator, classes, ..published };
            let graph = like.graph(height, width).ok()?;
            let smaller = graph.complexity().flops < flops;
            let fits = smaller && self.limits.iter().all(|limit| limit.error(&graph).is_none());
            fits.then_some((preset, graph))
        })
    }
}

impl Limit {
    /// What is over the limit, if anything; without a preset that is not.
    fn error(&self, graph: &Graph) -> Option<BudgetError> {
        let parts = self.quantity.by_part(graph);
        let figure = total(&parts);
        if figure <= self.most {
            return None;
        }
        let (part, most) = parts.into_iter().max_by_key(|(_, cost)| *cost)?;
        Some(BudgetError { limit: *self, figure, part, share: most as f64 / figure as f64, nearest: None })
    }
}

fn total(parts: &[(String, u64)]) -> u64 {
    parts.iter().fold(0, |sum, (_, cost)| sum.saturating_add(*cost))
}

/// Four digits and a decimal unit: 600,891,112 is `600.9M`. Small numbers are written out.
fn scaled(n: u64) -> String {
    for (unit, size) in [("G", 1e9), ("M", 1e6), ("K", 1e3)] {
        // The number that would round up to 1000 of the unit below belongs here, too.
        if n as f64 >= size * 0.99995 {
            let value = n as f64 / size;
            let decimals = 3usize.saturating_sub(value.log10().floor().max(0.0) as usize);
            let text = format!("{value:.decimals$}");
            let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            return format!("{text}{unit}");
        }
    }
    n.to_string()
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn four_digits_and_a_unit() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1K"),
            (6_196_040, "6.196M"),
            (600_891_112, "600.9M"),
            (400_000_000, "400M"),
            (999_999_999, "1G"),
            (12_086_679_016, "12.09G"),
            (u64::MAX, "18446744074G"),
        ] {
            assert_eq!(scaled(n), text);
        }
    }
}
