//! `regnet codegen`.

use std::io::Write;
use std::path::{Path, PathBuf};

use regnet::space::{Declaration, Preset, SelfRegulated, StemKind};
use regnet::train::Card;

use crate::network::NetworkArgs;
use crate::report;

/// A network, and what to call it.
#[derive(clap::Args)]
pub struct Args {
    /// A published model, such as RegNetY-400MF, or the model.json that `regnet train` wrote, or its folder
    #[arg(value_name = "MODEL")]
    source: Option<String>,
    #[command(flatten)]
    network: NetworkArgs,
    /// Name of the struct [default: the model's, or Net]
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// Classes that the head tells apart [default: 1000, or what was trained]
    #[arg(long)]
    classes: Option<usize>,
    /// Height and width of the image in pixels [default: 224, 32 with the cifar stem, or what was trained]
    #[arg(long, value_name = "N")]
    size: Option<usize>,
}

/// A network as far as it was named.
struct Source {
    declaration: Declaration,
    name: String,
    /// Height and width of the images.
    image: Option<[usize; 2]>,
}

/// Prints the `regnet!` item.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let Source { mut declaration, name, image } = source(args)?;
    declaration.classes = args.classes.unwrap_or(declaration.classes);
    let usual = if declaration.stem.kind == StemKind::Cifar { 32 } else { 224 };
    let image = args.size.map(|side| [side; 2]).or(image).unwrap_or([usual; 2]);
    let net = declaration.to_anynet().map_err(report::parameters)?;
    net.complexity(image[0], image[1])?;
    write!(out, "{}", declaration.to_source(args.name.as_ref().unwrap_or(&name), image))?;
    Ok(())
}

fn source(args: &Args) -> anyhow::Result<Source> {
    let named = args.source.as_deref();
    if let Some(path) = named.and_then(card_path) {
        return trained(args, &path);
    }
    if let Some(name) = named.filter(|name| SelfRegulated::is_name(name)) {
        anyhow::bail!("no RegNet parameters make the stages of {name}, so `regnet!` cannot declare it");
    }
    let declaration = args.network.declaration(named)?;
    let preset = named.map(Preset::find).transpose()?;
    let name = preset.map_or("Net".to_owned(), |preset| preset.name.replace('-', "").replace('.', "_"));
    Ok(Source { declaration, name, image: None })
}

/// The card meant, unless the word is a model's name.
fn card_path(word: &str) -> Option<PathBuf> {
    let path = Path::new(word);
    if path.is_dir() {
        return Some(path.join("model.json"));
    }
    let is_card = path.is_file() || path.extension().is_some_and(|extension| extension == "json");
    is_card.then(|| path.to_owned())
}

fn trained(args: &Args, path: &Path) -> anyhow::Result<Source> {
    let card = Card::read(path)?;
    let net = card.spec().map_err(anyhow::Error::msg)?;
    let declaration = Declaration::from_anynet(&net).ok_or_else(|| {
        anyhow::anyhow!(
            "{}: no RegNet parameters make these stages, so `regnet!` cannot declare them",
            path.display()
        )
    })?;
    let [_, height, width] = card.input;
    let declaration = args.network.override_in(declaration)?;
    Ok(Source { declaration, name: "Net".to_owned(), image: Some([height, width]) })
}

/// A name that a struct may have.
fn parse_name(name: &str) -> Result<String, String> {
    const KEYWORDS: &str = " as async await break const continue crate dyn else enum extern false fn for gen if impl \
         in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where \
         while abstract become box do final macro override priv try typeof unsized virtual yield _ ";
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let keyword = KEYWORDS.contains(&format!(" {name} "));
    if starts && rest && !keyword {
        return Ok(name.to_owned());
    }
    Err(format!("`{name}` cannot name a struct: write letters, digits and `_`, as in LeafNet"))
}
