//! `regnet sweep check`.

use std::io::Write;

use regnet::train::sweep::{SetAside, Sweep};

use super::Folder;
use crate::report::Exit;

/// Which sweep, and what to do about it.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    folder: Folder,
    /// Moves bad files into the folder `set-aside` of the sweep, so that `sweep run` trains their networks again
    #[arg(long)]
    repair: bool,
}

/// Prints a line for each bad file; the exit status is 1 if one is left.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    let sweep = Sweep::open(&args.folder.dir)?;
    let bad = sweep.check();
    if bad.is_empty() {
        let ended = sweep.population().results.len();
        writeln!(out, "no file is bad; {ended} of {} networks have ended", sweep.networks())?;
        return Ok(());
    }
    let mut left = 0;
    for bad in &bad {
        writeln!(out, "{bad}")?;
        if args.repair {
            let (done, words) = match sweep.set_aside(bad)? {
                SetAside::Moved(to) => (true, format!("moved to {}", to.display())),
                SetAside::InUse => (false, "left, because a process trains its network".to_owned()),
                SetAside::Needed => (false, "left, because the sweep cannot do without it".to_owned()),
            };
            left += usize::from(!done);
            writeln!(out, "    {words}")?;
        }
    }
    let dir = args.folder.dir.display();
    match (args.repair, left) {
        (true, 0) => {
            writeln!(out, "`regnet sweep run {dir}` trains again what they were of")?;
            Ok(())
        }
        (true, _) => Err(Exit(1).into()),
        (false, _) => {
            let count =
                if bad.len() == 1 { "1 file is".to_owned() } else { format!("{} files are", bad.len()) };
            writeln!(out, "{count} bad; `regnet sweep check {dir} --repair` sets bad files aside")?;
            Err(Exit(1).into())
        }
    }
}
