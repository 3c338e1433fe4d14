//! Drawing the stages of AnyNets.

use super::rng::Rng;
use super::table::Table;
use crate::bottleneck::Bottleneck;
use crate::compat::Compatibility;
use crate::design::{Axis, Choice, DesignSpace};
use crate::spec::Stage;

/// The stride of every stage.
const STRIDE: usize = 2;

/// What to draw for each number of stages that a network may have.
#[derive(Debug, Clone)]
pub(super) struct AnyNets(Vec<Axes>);

/// The parameters of networks of one number of stages.
#[derive(Debug, Clone)]
struct Axes {
    stages: usize,
    d: Numbers,
    w: Numbers,
    b: Numbers,
    g: Numbers,
}

/// One parameter of all stages.
#[derive(Debug, Clone)]
enum Numbers {
    /// One number for all.
    Shared(Table),
    /// A number each, whatever the others are.
    Free(Vec<Table>),
    /// A number each, none less than the one before.
    Rising(Vec<Table>),
}

impl AnyNets {
    pub(super) fn new(space: &DesignSpace) -> Self {
        let axis = |parameter: Axis, stages| {
            let choices = space.choices(parameter);
            match choices {
                [shared] => Numbers::Shared(Table::new(shared.values(), shared.probabilities())),
                _ if parameter.rises(space.base()) => Numbers::rising(&choices[..stages]),
                _ => Numbers::Free(choices[..stages].iter().map(table).collect()),
            }
        };
        let axes = space.stages().iter().map(|&stages| Axes {
            stages,
            d: axis(Axis::D, stages),
            w: axis(Axis::W, stages),
            b: axis(Axis::B, stages),
            g: axis(Axis::G, stages),
        });
        let possible = |axes: &Axes| ![&axes.d, &axes.w, &axes.b, &axes.g].into_iter().any(Numbers::is_empty);
        Self(axes.filter(possible).collect())
    }

    /// The stages of one network; `None` where the space has none.
    ///
    /// Every network of the space is drawn with the product of its numbers' probabilities, but for a constant: as if all
    /// numbers had been drawn on their own until they rose where they must.
    pub(super) fn draw(&self, rng: &mut Rng) -> Option<Vec<Stage>> {
        let axes = match self.0.as_slice() {
            [] => return None,
            [one] => one,
            several => &several[rng.below(several.len() as u32) as usize],
        };
        let [d, w, b, g] = [&axes.d, &axes.w, &axes.b, &axes.g].map(|axis| axis.draw(axes.stages, rng));
        let stage = |i: usize| {
            let bottleneck = Bottleneck::from_ratio(b[i]).ok()?;
            let (width, group_width) = Compatibility::Published.fit(w[i] as usize, bottleneck, g[i] as usize);
            Some(Stage { depth: d[i] as usize, width, stride: STRIDE, bottleneck, group_width })
        };
        (0..axes.stages).map(stage).collect()
    }
}

fn table(choice: &Choice) -> Table {
    Table::new(choice.values(), choice.probabilities())
}

impl Numbers {
    /// Weights each value by how likely the later stages are to rise from there, so that nothing need be rejected.
    fn rising(choices: &[Choice]) -> Self {
        let mut values: Vec<f64> = choices.iter().flat_map(Choice::values).copied().collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        // The probability that all later stages rise from this value on.
        let mut later = vec![1.0; values.len()];
        let mut tables = Vec::new();
        for choice in choices.iter().rev() {
            let probabilities = choice.probabilities();
            let probability = |x: &f64| {
                let place = choice.values().iter().position(|y| y == x);
                place.map_or(0.0, |place| probabilities[place])
            };
            let weights: Vec<f64> =
                values.iter().zip(&later).map(|(x, later)| probability(x) * later).collect();
            tables.push(Table::new(&values, weights.iter().copied()));
            let mut sum = 0.0;
            for (later, weight) in later.iter_mut().zip(&weights).rev() {
                sum += weight;
                *later = sum;
            }
        }
        tables.reverse();
        Self::Rising(tables)
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Shared(table) => table.is_empty(),
            Self::Free(tables) => tables.iter().any(Table::is_empty),
            // The first stage's weights include the later ones'.
            Self::Rising(tables) => tables.first().is_none_or(Table::is_empty),
        }
    }

    fn draw(&self, stages: usize, rng: &mut Rng) -> Vec<f64> {
        match self {
            Self::Shared(table) => vec![table.draw(rng); stages],
            Self::Free(tables) => tables.iter().map(|table| table.draw(rng)).collect(),
            Self::Rising(tables) => {
                let mut from = 0;
                let value = |table: &Table| {
                    from = table.draw_from(from, rng);
                    table.values()[from]
                };
                tables.iter().map(value).collect()
            }
        }
    }
}
