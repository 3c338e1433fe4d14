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
        if !self.may_reach(&params) {
            return None;
        }
        // Steps count from 0 and grow with the blocks, so the last block alone rules out most other candidates.
        let last = Steps::new(&params).of(d - 1);
        let stages = *self.stages.iter().find(|&&stages| (stages - 1) as f64 == last)?;
        let b = Bottleneck::from_ratio(self.b.draw(rng)).ok()?;
        let params = RegNetParams { b, g: self.g.draw(rng) as usize, ..params };
        let made = params.sound_stages(Compatibility::Published);
        // A stage too narrow for g uses its own width; where all are, g means nothing.
        let group_fits = made.last()?.group_width == params.g;
        (made.len() == stages && group_fits).then_some((params, made))
    }

    /// Whether the last block may be on a step of one of the numbers of stages: a comparison of powers that rules out four
    /// candidates in five without a logarithm, and lets those near the edge pass.
    fn may_reach(&self, &RegNetParams { d, w0, wa, wm, .. }: &RegNetParams) -> bool {
        const EDGE: f64 = 1e-9;
        let growth = 1.0 + wa * (d - 1) as f64 / w0 as f64;
        let squared = growth * growth;
        // Step s is reached from wm^(s - 1/2) to wm^(s + 1/2).
        let power = |stages: usize, half: i32| wm.powi(2 * (stages as i32 - 1) + half);
        let (least, most) = (self.stages[0], self.stages[self.stages.len() - 1]);
        squared > power(least, -1) * (1.0 - EDGE) && squared < power(most, 1) * (1.0 + EDGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is ruled out early would have been ruled out later.
    #[test]
    fn nothing_that_is_kept_is_ruled_out() {
        let mut rng = Rng::new(9);
        for text in ["RegNetX", "RegNetX, stages = {1, 3, 6}", "RegNetX, wa = {0, 1, 200}, stages = 1..6"] {
            let space = DesignSpace::parse(text).unwrap_or_else(|errors| panic!("{errors:?}"));
            let plan = RegNets::new(&space);
            for _ in 0..3000 {
                let (d, w0) = (plan.d.draw(&mut rng) as usize, plan.w0.draw(&mut rng) as usize);
                let wa = plan.wa.as_ref().map_or(0.0, |wa| wa.draw(&mut rng));
                let params = RegNetParams {
                    d,
                    w0,
                    wa,
                    wm: plan.wm.draw(&mut rng),
                    g: 1,
                    b: Bottleneck::ONE,
                    se: None,
                };
                let last = Steps::new(&params).of(d - 1);
                let kept = space.stages().iter().any(|&stages| (stages - 1) as f64 == last);
                assert!(plan.may_reach(&params) || !kept, "{params:?}");
            }
        }
    }
}
