//! What a report leaves on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use regnet_core::weights::write_whole;
use regnet_space::Figure;

use super::error::ReportError;
use super::{Report, distribution};

/// A picture of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// What to call its file, without an ending.
    pub name: String,
    /// The picture.
    pub svg: String,
}

impl Report {
    /// The pictures that hold all populations: `edf`, `random-search`, and `edf-equal-flops`, `-params` and `-acts` where
    /// the populations have networks of about the same complexity.
    pub fn pictures(&self) -> Vec<Picture> {
        let picture = |name: String, svg: String| Picture { name, svg };
        let mut pictures = vec![
            picture("edf".into(), distribution::plain(&self.populations)),
            picture("random-search".into(), distribution::random_search(&self.populations)),
        ];
        for figure in Figure::ALL {
            let reweighted = distribution::reweighted(&self.populations, figure);
            pictures.extend(reweighted.map(|(svg, _)| picture(format!("edf-equal-{figure}"), svg)));
        }
        pictures
    }

    /// Writes the page to `page` and, into the folder of its name without `.html`, each of the
    /// [`pictures`](Self::pictures) as SVG (and PNG, with the feature `png`), `trials.csv`, `populations.csv` and
    /// `comparisons.csv`. Returns the folder.
    ///
    /// # Errors
    ///
    /// [`ReportError::Folder`] and [`ReportError::Write`]. Files are written whole or not at all, the page last.
    pub fn write(&self, page: &Path) -> Result<PathBuf, ReportError> {
        let mut folder = page.with_extension("");
        if folder == page {
            folder.set_file_name(format!("{}-files", folder.file_name().unwrap_or_default().display()));
        }
        let made = fs::create_dir_all(&folder);
        made.map_err(|reason| ReportError::Folder { path: folder.clone(), reason })?;
        for Picture { name, svg } in self.pictures() {
            write_whole(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
            #[cfg(feature = "png")]
            write_whole(&folder.join(format!("{name}.png")), &super::png::from_svg(&svg))?;
        }
        for (name, rows) in [
            ("trials.csv", self.trials_csv()),
            ("populations.csv", self.populations_csv()),
            ("comparisons.csv", self.comparisons_csv()),
        ] {
            write_whole(&folder.join(name), &rows.expect("writing to memory cannot fail"))?;
        }
        write_whole(page, self.to_html().as_bytes())?;
        Ok(folder)
    }
}
