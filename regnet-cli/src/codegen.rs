//! `regnet codegen`.

use std::io::Write;

use crate::network::Network;
use crate::subject::{Subject, SubjectArgs};

/// A network, and what to call it.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Name of the struct [default: the model's, or Net]
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
}

/// Prints the item: `regnet!` where generating parameters make the network, else `anynet!`.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let Subject { network, name, net, image, .. } = args.subject.subject()?;
    net.complexity(image[0], image[1])?;
    let name = args.name.as_ref().unwrap_or(&name);
    let source = match network {
        Network::Declared(declaration) => declaration.to_source(name, image),
        Network::Stages(net) => net.to_source(name, image),
    };
    write!(out, "{source}")?;
    Ok(())
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
