//! A network with everything that is written about it.

use regnet_space::{AnyNet, Complexity, Limit, SpecError, Stage, StageRow};

/// A sound network, the images it was declared for, and what follows from both.
pub struct Model {
    pub net: AnyNet,
    /// Channels, height and width of the images.
    pub input: [usize; 3],
    /// One row for the stem, each stage and the head.
    pub table: Vec<StageRow>,
    /// Of each stage, the squeeze-and-excitation widths of the first block and of the blocks after it.
    pub se_widths: Vec<[usize; 2]>,
    /// What its documentation calls it, with the article.
    pub title: String,
    /// The number on arXiv of the paper that describes it, a regulator aside.
    pub paper: &'static str,
    /// The limits of its budget, each with what the network costs.
    pub budget: Vec<(Limit, u64)>,
}

impl Model {
    /// # Errors
    ///
    /// When the network or the size is not sound.
    pub fn new(net: AnyNet, height: usize, width: usize) -> Result<Self, SpecError> {
        let table = net.stage_table(height, width)?;
        let se_widths = se_widths(&net)?;
        let title = format!("A RegNet{}", if net.se.is_some() { "Y" } else { "X" });
        Ok(Self {
            input: [net.input_channels, height, width],
            table,
            se_widths,
            title,
            paper: "2003.13678",
            budget: Vec::new(),
            net,
        })
    }

    /// What the whole network costs.
    pub fn complexity(&self) -> Complexity {
        self.table.iter().map(|row| row.complexity).sum()
    }

    /// Each stage with the width of what comes into it.
    pub fn stages(&self) -> impl Iterator<Item = (usize, &Stage)> {
        let widths = self.net.stages.iter().map(|stage| stage.width);
        std::iter::once(self.net.stem.width).chain(widths).zip(&self.net.stages)
    }

    /// Channels into the head.
    pub fn features(&self) -> usize {
        self.net.stages.last().map_or(self.net.stem.width, |stage| stage.width)
    }
}

/// Reads the widths off the graph of two blocks a stage, since a stage of one block has a type for the others, too.
fn se_widths(net: &AnyNet) -> Result<Vec<[usize; 2]>, SpecError> {
    let stages: Vec<Stage> = net.stages.iter().map(|stage| Stage { depth: 2, ..*stage }).collect();
    let count = stages.len();
    let graph = AnyNet { stages, ..net.clone() }.graph(1, 1)?;
    let width = |stage: usize, block: usize| {
        graph.node(&format!("s{stage}.b{block}.f.se.f_ex.0")).map_or(0, |node| node.shape.c)
    };
    Ok((1..=count).map(|stage| [width(stage, 1), width(stage, 2)]).collect())
}
