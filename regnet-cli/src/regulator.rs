//! A regulator on the command line.

use regnet::space::{Cell, CellConv, Regulator, Share};

use crate::report::Usage;

/// What runs beside the blocks of each stage.
#[derive(clap::Args)]
pub struct RegulatorArgs {
    /// Regulates the network with this cell: rnn, gru or lstm [default: lstm in a self-regulated model, else none]
    #[arg(long)]
    cell: Option<Cell>,
    /// How the cell convolves: full or efficient [default: full]
    #[arg(long, value_name = "FORM")]
    cell_conv: Option<CellConv>,
    /// Which blocks share a cell's weights: those of a stage, or each block has its own [default: stage]
    #[arg(long, value_name = "SHARE")]
    cell_share: Option<Share>,
    /// Carries the state from stage to stage
    #[arg(long)]
    cell_carry: bool,
}

impl RegulatorArgs {
    /// Whether anything about a regulator was given.
    pub fn is_given(&self) -> bool {
        let &Self { cell, cell_conv, cell_share, cell_carry } = self;
        cell.is_some() || cell_conv.is_some() || cell_share.is_some() || cell_carry
    }

    /// The regulator asked for, of the cell `usual` unless another was given; `None` where neither is.
    pub fn regulator(&self, usual: Option<Regulator>) -> Result<Option<Regulator>, Usage> {
        let &Self { cell, cell_conv, cell_share, cell_carry } = self;
        let Some(Regulator { cell, conv, share, carry }) = cell.map(Regulator::from).or(usual) else {
            let option = cell_conv.map(|_| "--cell-conv").or(cell_share.map(|_| "--cell-share"));
            return match option.or(cell_carry.then_some("--cell-carry")) {
                Some(option) => {
                    Err(Usage(format!("{option} is about a regulator: name its cell with --cell")))
                }
                None => Ok(None),
            };
        };
        Ok(Some(Regulator {
            cell,
            conv: cell_conv.unwrap_or(conv),
            share: cell_share.unwrap_or(share),
            carry: cell_carry || carry,
        }))
    }
}
