//! A network to JSON, with its keys in the order in which one reads them.

use regnet_space::{AnyNet, Stage};
use serde::{Serialize, Serializer};

use super::Spec;

#[derive(Serialize)]
struct Written {
    input_channels: usize,
    stem: String,
    stem_width: usize,
    block: String,
    stages: Vec<WrittenStage>,
    se: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regulator: Option<String>,
    classes: usize,
}

#[derive(Serialize)]
struct WrittenStage {
    depth: usize,
    width: usize,
    stride: usize,
    bottleneck: f64,
    group_width: usize,
}

impl Serialize for Spec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::from(&self.0).serialize(serializer)
    }
}

impl From<&AnyNet> for Written {
    fn from(net: &AnyNet) -> Self {
        Self {
            input_channels: net.input_channels,
            stem: net.stem.kind.to_string(),
            stem_width: net.stem.width,
            block: net.block.to_string(),
            stages: net.stages.iter().map(WrittenStage::from).collect(),
            se: net.se,
            regulator: net.regulator.map(|regulator| regulator.to_string()),
            classes: net.classes,
        }
    }
}

impl From<&Stage> for WrittenStage {
    fn from(&Stage { depth, width, stride, bottleneck, group_width }: &Stage) -> Self {
        Self { depth, width, stride, bottleneck: bottleneck.ratio(), group_width }
    }
}
