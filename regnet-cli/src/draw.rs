//! `regnet draw`.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use regnet::space::drawing::Drawing;
use regnet::weights;

use crate::subject::{Subject, SubjectArgs};

/// A network, and how to draw it.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArgs,
    /// A picture, or a graph for graphviz [default: what the file's name ends with, else svg]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Draws the layers inside of each block too
    #[arg(long)]
    blocks: bool,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Svg,
    Dot,
}

/// Draws the network.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let Subject { title, net, image: [height, width], .. } = args.subject.subject()?;
    let regulator = net.regulator.map(|regulator| format!(", {regulator}")).unwrap_or_default();
    let drawing = Drawing::new(&format!("{title}{regulator}"), &net, height, width)?;
    let text = match args.format() {
        Format::Svg => drawing.svg(args.blocks),
        Format::Dot => drawing.dot(args.blocks),
    };
    match &args.output {
        Some(file) => weights::write_whole(file, text.as_bytes())?,
        None => write!(out, "{text}")?,
    }
    Ok(())
}

impl Args {
    fn format(&self) -> Format {
        let end = self.output.as_ref().and_then(|file| file.extension());
        let of_file =
            if end.is_some_and(|end| end == "dot" || end == "gv") { Format::Dot } else { Format::Svg };
        self.format.unwrap_or(of_file)
    }
}
