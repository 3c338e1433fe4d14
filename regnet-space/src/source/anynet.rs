//! Networks stage by stage as `anynet!` items.

use super::{ends, lines, number, squeeze_excite};
use crate::spec::{AnyNet, Block, Stage};

impl AnyNet {
    /// This network as a formatted `anynet!` item called `name`, for images of height and width `image`, in pixels.
    ///
    /// Everything is written out, so that what it means never depends on a default; only bottleneck ratio and groups are
    /// left out of basic and vanilla blocks, which have neither. A network that is not sound is written as it is; the
    /// macro then says what is wrong with it. `name` must be a Rust identifier.
    ///
    /// ```
    /// use regnet_space::{AnyNet, Cell};
    ///
    /// let mut net = AnyNet::self_regulated(20, Cell::Lstm.into(), 10)?;
    /// net.regulator = None;
    /// assert_eq!(
    ///     net.to_source("ResNet20", [32, 32]),
    ///     "\
    /// anynet! {
    ///     pub struct ResNet20 = <
    ///         depths  = [3, 3, 3],
    ///         widths  = [16, 32, 64],
    ///         strides = [1, 2, 2],
    ///         block   = basic,
    ///         se      = false,
    ///     >;
    ///     input   = 3 x 32 x 32;
    ///     classes = 10;
    ///     stem    = cifar(16);
    /// }
    /// "
    /// );
    /// # Ok::<(), regnet_space::ParamError>(())
    /// ```
    pub fn to_source(&self, name: &str, image: [usize; 2]) -> String {
        let stages = lines("        ", &self.entries(), ",");
        let ends = ends(self.input_channels, image, self.classes, self.stem, self.regulator);
        let ends = lines("    ", &ends, ";");
        format!("anynet! {{\n    pub struct {name} = <\n{stages}    >;\n{ends}}}\n")
    }

    /// What stands between `<` and `>`.
    fn entries(&self) -> Vec<(&'static str, String)> {
        let stages = &self.stages;
        let each = |value: fn(&Stage) -> String| stages.iter().map(value).collect::<Vec<_>>();
        let mut entries = vec![
            ("depths", list(&each(|stage| stage.depth.to_string()))),
            ("widths", list(&each(|stage| stage.width.to_string()))),
            ("strides", one_or_list(&each(|stage| stage.stride.to_string()))),
            ("block", self.block.to_string()),
        ];
        let plain = |stage: &Stage| *stage == Stage::plain(stage.depth, stage.width, stage.stride);
        if self.block == Block::Bottleneck || !stages.iter().all(plain) {
            entries.push(("bottleneck", one_or_list(&each(|stage| number(stage.bottleneck.ratio())))));
            entries.push(("groups", one_or_list(&each(|stage| stage.group_width.to_string()))));
        }
        entries.push(("se", squeeze_excite(self.se)));
        entries
    }
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.join(", "))
}

/// One value where all stages agree.
fn one_or_list(values: &[String]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|other| other == first) => first.clone(),
        _ => list(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bottleneck, Cell, Preset, Stem};

    fn published() -> AnyNet {
        let net = Preset::find("RegNetX-600MF").map(|preset| preset.declaration().to_anynet());
        net.unwrap_or_else(|error| panic!("{error}")).unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    #[test]
    fn stages_that_agree_share_a_value() {
        let mut net = AnyNet { se: Some(0.25), input_channels: 1, ..published() };
        let source = net.to_source("Net", [28, 32]);
        for line in [
            "        depths     = [1, 3, 5, 7],\n",
            "        widths     = [48, 96, 240, 528],\n",
            "        strides    = 2,\n",
            "        bottleneck = 1,\n",
            "        groups     = 24,\n",
            "        se         = true,\n",
            "    input   = 1 x 28 x 32;\n",
        ] {
            assert!(source.contains(line), "{line} {source}");
        }
        net.stages[1].stride = 1;
        net.stages[2].bottleneck = Bottleneck::expands(2);
        net.stages[3].group_width = 12;
        let source = net.to_source("Net", [28, 32]);
        for list in ["= [2, 1, 2, 2],", "= [1, 1, 0.5, 1],", "= [24, 24, 24, 12],"] {
            assert!(source.contains(list), "{list} {source}");
        }
        net.stages.truncate(1);
        let source = net.to_source("Net", [28, 32]);
        assert!(source.contains("depths     = [1],") && source.contains("strides    = 2,"), "{source}");
    }

    #[test]
    fn a_regulator_has_its_line() {
        let net = AnyNet { regulator: Some(Cell::Gru.into()), ..published() };
        let source = net.to_source("Net", [32, 32]);
        let ends = "    >;\n    input     = 3 x 32 x 32;\n    classes   = 1000;\n    stem      = simple(32);\n    \
                    regulator = gru;\n}\n";
        assert!(source.ends_with(ends), "{source}");
    }

    #[test]
    fn what_is_not_sound_is_not_hidden() {
        let stages = vec![Stage { group_width: 4, ..Stage::plain(1, 8, 2) }];
        let net = AnyNet { block: Block::Vanilla, stages, stem: Stem::default(), ..published() };
        assert!(net.check().is_err());
        assert!(net.to_source("Net", [8, 8]).contains("groups     = 4,"));
    }

    #[test]
    fn lines_are_short() {
        let mut net = published();
        net.stages = vec![Stage::plain(1024, 65_536, 2); 5];
        net.stages.push(Stage { bottleneck: Bottleneck::reduces(64), ..Stage::plain(1, 65_535, 1) });
        let source = net.to_source("Net", [16_384; 2]);
        assert!(source.lines().all(|line| line.len() <= 100), "{source}");
    }
}
