//! `regnet space sample`.

use std::io::Write;

use regnet::space::design::ConstraintError;
use regnet::space::{DesignSpace, Distribution, Sampler};
use regnet::train::Spec;
use regnet::train::sweep::Trial;

use super::{space, wrong};
use crate::report;

/// What to draw. Every line is `{"network": .., "input": ..}`, as `regnet show -` and `regnet sweep init` read it.
#[derive(clap::Args)]
pub struct Args {
    /// A design space, with constraints if you like: AnyNetXE, or "RegNetX, wm = 2, g >= 8"
    space: String,
    /// The number of networks, no two of them alike
    #[arg(short = 'n', long = "count", value_name = "N", default_value_t = 1)]
    count: usize,
    /// What the draws follow from: the same seed gives the same networks on every machine
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// More constraints, as in "d = 12..28, w0 = wa"; `regnet space constraints` lists what there is
    #[arg(long = "where", value_name = "CONSTRAINTS")]
    constraints: Option<String>,
    /// What every number is drawn from, or one as in d=uniform: log-uniform, uniform, power-of-two or clipped-normal
    #[arg(long, value_name = "[NAME=]DISTRIBUTION", value_delimiter = ',')]
    distribution: Vec<String>,
    /// Window on the multiply-adds of one image: 360M..400M, ..=100M; both ends belong to it
    #[arg(long, value_name = "RANGE")]
    flops: Option<String>,
    /// Window on the trained numbers
    #[arg(long, value_name = "RANGE")]
    params: Option<String>,
    /// Window on the activations of one image
    #[arg(long, value_name = "RANGE")]
    acts: Option<String>,
    /// Channels, height and width of the images [default: 3x224x224, or 3x32x32 with the cifar stem]
    #[arg(long, value_name = "CxHxW", conflicts_with = "size")]
    input: Option<String>,
    /// Height and width of the images
    #[arg(long, value_name = "N")]
    size: Option<String>,
    /// The layers before the first stage: simple, cifar or resnet, and their width [default: simple:32]
    #[arg(long, value_name = "KIND[:WIDTH]")]
    stem: Option<String>,
    /// Classes that the head tells apart [default: 1000]
    #[arg(long, value_name = "N")]
    classes: Option<String>,
}

/// Prints the networks, one a line.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let space = args.space()?;
    let input = space.input();
    let samples = Sampler::new(space, args.seed).samples().map_err(|errors| report::lines(errors.iter()))?;
    for drawn in samples.take(args.count) {
        let trial = Trial { network: Spec(drawn?.net), input };
        writeln!(out, "{}", serde_json::to_string(&trial)?)?;
    }
    Ok(())
}

impl Args {
    fn space(&self) -> anyhow::Result<DesignSpace> {
        let mut space = space(&self.space)?;
        for distribution in &self.distribution {
            draw_from(&mut space, distribution).map_err(|errors| wrong(&errors))?;
        }
        let flags = [
            ("stem", &self.stem),
            ("input", &self.input),
            ("resolution", &self.size),
            ("classes", &self.classes),
            ("flops", &self.flops),
            ("params", &self.params),
            ("acts", &self.acts),
        ];
        let given = flags.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value.as_ref()?)));
        for text in self.constraints.iter().cloned().chain(given) {
            space.constrain(&text).map_err(|errors| wrong(&errors))?;
        }
        Ok(space)
    }
}

/// `uniform` or `d=uniform`.
fn draw_from(space: &mut DesignSpace, text: &str) -> Result<(), Vec<ConstraintError>> {
    match (text.split_once('='), text.parse::<Distribution>()) {
        (None, Ok(distribution)) => space.draw_all_from(distribution),
        (Some((name, distribution)), _) => space.constrain(&format!("{name} ~ {distribution}")),
        (None, Err(_)) => space.constrain(&format!("d ~ {text}")),
    }
}
