//! The network that a command is about, and the images it looks at it with.

use std::path::{Path, PathBuf};

use anyhow::Context;
use regnet::space::{AnyNet, Preset, SelfRegulated, StemKind};
use regnet::text_file;
use regnet::train::limits::DOCUMENT;
use regnet::train::{Card, SpecFile};

use crate::network::{Network, NetworkArgs};
use crate::report;

/// What a network is called that has no name.
const NAMELESS: &str = "Net";

/// What `show`, `codegen`, `draw` and `export` take.
#[derive(clap::Args)]
pub struct SubjectArgs {
    /// A published model, such as RegNetY-400MF or Self-Regulated-20; or a JSON file that `regnet show --json` or
    /// `regnet train` wrote, or the latter's folder; or - to read such JSON from standard input
    #[arg(value_name = "MODEL")]
    source: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Classes that the head tells apart [default: the file's or the model's data set's, else 1000]
    #[arg(long)]
    classes: Option<usize>,
    /// Height and width of the image in pixels [default: the file's, else 224, or 32 with the cifar stem]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
}

/// A network, what to call it, and its images.
pub struct Subject {
    pub network: Network,
    /// Its name as people write it.
    pub title: String,
    /// Its name as a Rust identifier.
    pub name: String,
    /// The network's numbers, sound.
    pub net: AnyNet,
    /// Height and width in pixels.
    pub image: [usize; 2],
}

impl SubjectArgs {
    /// The network named or read, with what was given in place of its own.
    pub fn subject(&self) -> anyhow::Result<Subject> {
        self.subject_or(None)
    }

    /// The same, of a card's network where none was named.
    pub fn subject_or(&self, card: Option<&Card>) -> anyhow::Result<Subject> {
        let unnamed = self.source.is_none() && !self.network.is_given();
        let (mut network, title, image) = match card.filter(|_| unnamed) {
            Some(card) => {
                let [_, height, width] = card.input;
                let network = self.network.network_of(card.spec().clone(), "the weights")?;
                (network, NAMELESS.to_owned(), Some([height, width]))
            }
            None => self.network(self.source.as_deref())?,
        };
        if let Some(classes) = self.classes {
            *network.classes() = classes;
        }
        let net = network.to_anynet()?;
        let usual = if net.stem.kind == StemKind::Cifar { 32 } else { 224 };
        let image = self.size.map(|side| [side; 2]).or(image).unwrap_or([usual; 2]);
        let name = title.replace('-', "").replace('.', "_");
        Ok(Subject { network, title, name, net, image })
    }

    /// The folder that was named as the network.
    pub fn folder(&self) -> Option<String> {
        self.source.clone().filter(|word| Path::new(word).is_dir())
    }

    fn network(&self, word: Option<&str>) -> anyhow::Result<(Network, String, Option<[usize; 2]>)> {
        if let Some((text, place)) = word.and_then(file).transpose()? {
            let SpecFile { net, image } =
                SpecFile::parse(&text).map_err(|errors| report::file(&place, &errors))?;
            return Ok((self.network.network_of(net, &place)?, NAMELESS.to_owned(), image));
        }
        let network = self.network.network(word)?;
        let title = match word {
            Some(name) if SelfRegulated::is_name(name) => SelfRegulated::find(name)?.name,
            Some(name) => Preset::find(name)?.name,
            None => NAMELESS,
        };
        Ok((network, title.to_owned(), None))
    }
}

/// The text of the file meant, and what to call that file; `None` for a model's name.
fn file(word: &str) -> Option<anyhow::Result<(String, String)>> {
    if word == "-" {
        let place = "standard input".to_owned();
        let read = text_file::read_from(std::io::stdin(), DOCUMENT);
        return Some(read.with_context(|| format!("cannot read {place}")).map(|text| (text, place)));
    }
    let path = path(word)?;
    let place = path.display().to_string();
    let read = text_file::read(&path, DOCUMENT);
    Some(read.with_context(|| format!("cannot read {place}")).map(|text| (text, place)))
}

/// The file meant, unless the word is a model's name.
fn path(word: &str) -> Option<PathBuf> {
    let path = Path::new(word);
    if path.is_dir() {
        return Some(path.join("model.json"));
    }
    let is_file = path.is_file() || path.extension().is_some_and(|extension| extension == "json");
    is_file.then(|| path.to_owned())
}
