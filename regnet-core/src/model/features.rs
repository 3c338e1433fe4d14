//! What a network sees on the way: the output of its stem and of each stage.

use dfdx::prelude::*;

use super::{DynRegNet, RegNet};
use crate::Backend;
use crate::forward::Run;
use crate::tensors::Map;

/// Networks whose intermediate feature maps can be had, declared or shaped at run time.
///
/// A declared network's stem and stages can be run by hand as well, with shapes in their types: `net.stem.forward(x)`,
/// then `net.stages.0.forward(x)`, and so on.
pub trait Features<E: Dtype, D: Backend<E>> {
    /// What the stem and then each stage put out for these images, with running statistics.
    ///
    /// # Shapes
    /// Input `(batch, channels, height, width)`. The first map has the stem's width, those after it the stages'; each
    /// has the resolution of its part. timm calls them `features_only`, torchvision `trunk_output.block1` and so on.
    ///
    /// # Errors
    /// As [`Run::try_run`].
    fn try_features(&self, x: Map<E, D>) -> Result<Vec<Map<E, D>>, D::Err>;
}

impl<E: Dtype, D: Backend<E>> Features<E, D> for DynRegNet<E, D> {
    fn try_features(&self, x: Map<E, D>) -> Result<Vec<Map<E, D>>, D::Err> {
        let stem = self.try_run_stem(x)?;
        let mut maps = vec![stem.clone()];
        // The block after which each stage ends.
        let mut ends = self.spec().stages.iter().scan(0, |blocks, stage| {
            *blocks += stage.depth;
            Some(*blocks)
        });
        let (mut end, mut block) = (ends.next(), 0);
        self.try_run_seen(stem, &mut |map| {
            block += 1;
            if end == Some(block) {
                maps.push(map.clone());
                end = ends.next();
            }
        })?;
        Ok(maps)
    }
}

macro_rules! features {
    ($($stage:ident $index:tt),+) => {
        impl<Stem, $($stage,)+ Head, E, D> Features<E, D> for RegNet<Stem, ($($stage,)+), Head>
        where
            Stem: Run<E, D, Out = (usize, usize, usize, usize)>,
            $($stage: Run<E, D, Out = (usize, usize, usize, usize)>,)+
            E: Dtype,
            D: Backend<E>,
        {
            fn try_features(&self, x: Map<E, D>) -> Result<Vec<Map<E, D>>, D::Err> {
                let x = (self.stem.try_run(x)?, None);
                let mut maps = vec![x.0.clone()];
                $(
                    let x = self.stages.$index.try_run_after(x.0, x.1)?;
                    maps.push(x.0.clone());
                )+
                // The state that the last stage leaves is nobody's.
                drop(x);
                Ok(maps)
            }
        }
    };
}

features!(S1 0);
features!(S1 0, S2 1);
features!(S1 0, S2 1, S3 2);
features!(S1 0, S2 1, S3 2, S4 3);
features!(S1 0, S2 1, S3 2, S4 3, S5 4);
features!(S1 0, S2 1, S3 2, S4 3, S5 4, S6 5);
