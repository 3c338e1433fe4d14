//! A network on the command line: a published model's name, generating parameters, or both.

use clap::ValueEnum;
use regnet::space::{
    AnyNet, Bottleneck, Cell, Declaration, ParamError, Preset, RegNetParams, SelfRegulated, Space, Stem,
    StemKind,
};

use crate::regulator::RegulatorArgs;
use crate::report::{self, Usage};

/// Generating parameters and what surrounds them. Beside a model's name they override its own.
#[derive(clap::Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Depth: the number of blocks
    #[arg(long)]
    d: Option<usize>,
    /// Initial width, a multiple of 8
    #[arg(long)]
    w0: Option<usize>,
    /// Slope: channels added from block to block
    #[arg(long, allow_negative_numbers = true)]
    wa: Option<f64>,
    /// Multiplier between the widths of neighbouring stages
    #[arg(long, allow_negative_numbers = true)]
    wm: Option<f64>,
    /// Group width of the 3x3 convolutions
    #[arg(long)]
    g: Option<usize>,
    /// Bottleneck ratio: a whole number or one over it [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    b: Option<f64>,
    /// Squeeze-and-excitation, at this ratio of a block's input width
    #[arg(long, value_name = "RATIO", num_args = 0..=1, default_missing_value = "0.25")]
    se: Option<f64>,
    /// The layers before the first stage: simple (stride 2, the published models'), cifar (stride 1, for images of up
    /// to 64 pixels) or resnet, and their width, as in cifar:16
    #[arg(long, value_name = "KIND[:WIDTH]", value_parser = parse_stem)]
    stem: Option<Stem>,
    /// Which parameters are allowed
    #[arg(long, value_enum)]
    space: Option<SpaceName>,
    #[command(flatten)]
    regulator: RegulatorArgs,
}

/// A network that was named.
pub enum Network {
    /// One that generating parameters make.
    Declared(Declaration),
    /// One that only its stages describe, such as the self-regulated paper's.
    Stages(AnyNet),
}

impl Network {
    /// Its classes.
    pub fn classes(&mut self) -> &mut usize {
        match self {
            Self::Declared(declaration) => &mut declaration.classes,
            Self::Stages(net) => &mut net.classes,
        }
    }

    /// Its numbers, checked.
    pub fn to_anynet(&self) -> anyhow::Result<AnyNet> {
        match self {
            Self::Declared(declaration) => declaration.to_anynet().map_err(report::parameters),
            Self::Stages(net) => {
                let wrong =
                    |errors: Vec<_>| report::parameters(errors.into_iter().map(ParamError::Spec).collect());
                net.check().map_err(wrong)?;
                Ok(net.clone())
            }
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum SpaceName {
    /// The box of the published design space
    Regnet,
    /// Everything that is structurally sound
    Any,
}

fn parse_stem(text: &str) -> Result<Stem, String> {
    let (kind, width) = text.split_once(':').map_or((text, None), |(kind, width)| (kind, Some(width)));
    let kind: StemKind = kind.parse().map_err(|error| format!("{error}"))?;
    let width = match width {
        Some(width) => width.parse().map_err(|_| format!("`{width}` is not a number of channels"))?,
        None => Stem::default().width,
    };
    Ok(Stem { kind, width })
}

impl NetworkArgs {
    /// The network of this name, or of the parameters alone.
    pub fn network(&self, name: Option<&str>) -> anyhow::Result<Network> {
        match name {
            Some(name) if SelfRegulated::is_name(name) => {
                let model = SelfRegulated::find(name)?;
                let net = model.to_anynet(Cell::default().into());
                Ok(Network::Stages(self.override_stages(net, model.name)?))
            }
            Some(name) => Ok(Network::Declared(self.override_in(Preset::find(name)?.declaration())?)),
            None => Ok(Network::Declared(self.override_in(Declaration::new(self.all_params()?))?)),
        }
    }

    /// A network that was read from the file `place`, by generating parameters where some make it.
    pub fn network_of(&self, net: AnyNet, place: &str) -> anyhow::Result<Network> {
        match Declaration::from_anynet(&net) {
            Some(declaration) => Ok(Network::Declared(self.override_in(declaration)?)),
            None => {
                let name = format!("the network of {place}");
                Ok(Network::Stages(self.override_stages(net, &name)?))
            }
        }
    }

    /// A network without generating parameters, with what was given in place of its own.
    fn override_stages(&self, mut net: AnyNet, name: &str) -> anyhow::Result<AnyNet> {
        let parameters = self.params_given().into_iter().chain([("--b", self.b.is_some())]);
        let mut given = parameters.chain([("--space", self.space.is_some())]).filter(|(_, given)| *given);
        if let Some((flag, _)) = given.next() {
            return Err(Usage(format!("{name} has no generating parameters: leave out {flag}")).into());
        }
        net.se = self.se.or(net.se);
        set(&mut net.stem, self.stem);
        net.regulator = self.regulator.regulator(net.regulator)?;
        Ok(net)
    }

    /// A declaration with what was given in place of its own.
    fn override_in(&self, mut declaration: Declaration) -> anyhow::Result<Declaration> {
        let params = &mut declaration.params;
        set(&mut params.d, self.d);
        set(&mut params.w0, self.w0);
        set(&mut params.wa, self.wa);
        set(&mut params.wm, self.wm);
        set(&mut params.g, self.g);
        set(
            &mut params.b,
            self.b
                .map(Bottleneck::from_ratio)
                .transpose()
                .map_err(|error| report::parameters(vec![error]))?,
        );
        params.se = self.se.or(params.se);
        set(&mut declaration.stem, self.stem);
        declaration.regulator = self.regulator.regulator(declaration.regulator)?;
        set(
            &mut declaration.space,
            self.space.map(|space| match space {
                SpaceName::Regnet => Space::RegNet,
                SpaceName::Any => Space::Any,
            }),
        );
        Ok(declaration)
    }

    /// Whether any parameter was given, so that a network need not be guessed.
    pub fn is_given(&self) -> bool {
        self.params_given().into_iter().any(|(_, given)| given)
    }

    /// Whether anything was given that changes a network.
    pub fn changes(&self) -> bool {
        let Self { b, se, stem, space, regulator, .. } = self;
        let besides = b.is_some() || se.is_some() || stem.is_some() || space.is_some();
        self.is_given() || besides || regulator.is_given()
    }

    /// Whether a stem was asked for.
    pub fn has_stem(&self) -> bool {
        self.stem.is_some()
    }

    /// The parameters that have no default, and whether each was given.
    fn params_given(&self) -> [(&'static str, bool); 5] {
        let Self { d, w0, wa, wm, g, .. } = self;
        let given = [d.is_some(), w0.is_some(), wa.is_some(), wm.is_some(), g.is_some()];
        let flags = ["--d", "--w0", "--wa", "--wm", "--g"];
        std::array::from_fn(|i| (flags[i], given[i]))
    }

    fn all_params(&self) -> Result<RegNetParams, Usage> {
        let &Self { d, w0, wa, wm, g, .. } = self;
        let (Some(d), Some(w0), Some(wa), Some(wm), Some(g)) = (d, w0, wa, wm, g) else {
            let given = self.params_given().into_iter();
            let missing: Vec<_> = given.filter(|(_, given)| !given).map(|(flag, _)| flag).collect();
            return Err(Usage(format!(
                "no network: name a model (`regnet models` lists them) or give all parameters; missing: {}",
                missing.join(", ")
            )));
        };
        Ok(RegNetParams { d, w0, wa, wm, g, b: Bottleneck::ONE, se: None })
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
