//! Drawing the parameters of RegNets.

use super::rng::Rng;
use super::table::Table;
use crate::bottleneck::Bottleneck;
use crate::compat::Compatibility;
use crate::design::{Axis, DesignSpace};
use crate::params::RegNetParams;
use crate::quantise::Steps;
use crate::spec::Stage;

/// What to draw.
#[derive(Debug, Clone)]
pub(super) struct RegNets {
    d: Table,
    w0: Table,
    /// `None` where it is w0.
    wa: Option<Table>,
    wm: Table,
    b: Table,
    g: Table,
    se: Option<f64>,
    stages: Vec<usize>,
}

impl RegNets {
    pub(super) fn new(space: &DesignSpace) -> Self {
        let table = |parameter| {
            let choice = space.choices(parameter).first();
            choice.map_or(Table::new(&[], []), |choice| Table::new(choice.values(), choice.probabilities()))
        };
        let tied = space.is_tied().then(|| space.tied_choice());
        Self {
            d: table(Axis::D),
            w0: match &tied {
                Some(tied) => Table::new(tied.values(), tied.probabilities()),
                None => table(Axis::W0),
            },
            wa: tied.is_none().then(|| table(Axis::Wa)),
            wm: table(Axis::Wm),
            b: table(Axis::B),
            g: table(Axis::G),
            se: space.se,
            stages: space.stages().to_vec(),
        }
    }

    /// One candidate: its parameters and stages, if they are a network of the space.
    ///
    /// Each number is drawn without a look at the others, and a candidate is given up as soon as no value of those left
    /// could save it; what is kept is distributed as if every candidate had been drawn whole.
    pub(super) fn draw(&self, rng: &mut Rng) -> Option<(RegNetParams, Vec<Stage>)> {
        let d = self.d.draw(rng) as usize;
        if d < self.stages[0] {
            return None;
        }
        let w0 = self.w0.draw(rng);
        let wa = self.wa.as_ref().map_or(w0, |wa| wa.draw(rng));
        let wm = self.wm.draw(rng);
        let params = RegNetParams { d, w0: w0 as usize, wa, wm, g: 1, b: Bottleneck::ONE, se: self.se };
        // Steps count from 0 and grow with the blocks, so the last block alone rules out most candidates.
        let last = Steps::new(&params).of(d - 1);
        let stages = *self.stages.iter().find(|&&stages| (stages - 1) as f64 == last)?;
        let b = Bottleneck::from_ratio(self.b.draw(rng)).ok()?;
        let params = RegNetParams { b, g: self.g.draw(rng) as usize, ..params };
        let made = params.sound_stages(Compatibility::Published);
        // A stage too narrow for g uses its own width; where all are, g means nothing.
        let group_fits = made.last()?.group_width == params.g;
        (made.len() == stages && group_fits).then_some((params, made))
    }
}
