//! Text for people: aligned columns, thousands separated, and what others wrote made fit for a terminal.

use std::fmt::{self, Write};

use crate::complexity::{Complexity, StageRow};
use crate::error::SpecError;
use crate::spec::AnyNet;

/// Characters of a name that are shown.
const NAME: usize = 200;
/// Characters of a message that are shown.
const MESSAGE: usize = 10_000;

/// A name that a file, a folder or the network gave, fit for a terminal: control characters and those that turn the
/// direction of text are escaped as `\u{1b}`, and what is longer than 200 characters is cut, which is said.
///
/// ```
/// # use regnet_space::text::printable;
/// assert_eq!(printable("red\x1b[31m"), "red\\u{1b}[31m");
/// assert!(printable(&"long".repeat(99)).ends_with("long.. (396 characters)"));
/// ```
pub fn printable(name: &str) -> String {
    escaped(name, NAME, |_| false)
}

/// As [`printable`], of a message of several lines and up to 10,000 characters.
pub fn printable_lines(message: &str) -> String {
    escaped(message, MESSAGE, |character| character == '\n')
}

fn escaped(text: &str, most: usize, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len().min(most));
    for character in text.chars().take(most) {
        if !keep(character) && (character.is_control() || turns(character)) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    let all = text.chars().count();
    if all > most {
        // Writing to a string never fails.
        let _ = write!(shown, ".. ({all} characters)");
    }
    shown
}

/// Whether a character turns the direction of the text after it, or ends a line without being a control character.
fn turns(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rows of cells; the first column is aligned to the left and all others to the right. Cells are [`printable`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// A table of its head only.
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self(Vec::new());
        table.push(head);
        table
    }

    /// Adds a row.
    pub fn push<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.0.push(cells.into_iter().map(|cell| printable(&cell.into())).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column| self.0.iter().filter_map(move |row: &Vec<String>| row.get(column));
        let widths: Vec<usize> = (0..columns)
            .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0))
            .collect();
        for (i, row) in self.0.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                line += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            }
            let newline = if i == 0 { "" } else { "\n" };
            write!(f, "{newline}{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl AnyNet {
    /// The stage table as text: [`stage_table`](Self::stage_table) and the total of each cost.
    ///
    /// # Errors
    ///
    /// As [`graph`](Self::graph).
    pub fn describe(&self, height: usize, width: usize) -> Result<Table, SpecError> {
        let rows = self.stage_table(height, width)?;
        let regulator = self.regulator.map(|_| "regulator");
        let head = ["stage", "blocks", "width", "group width"].into_iter().chain(regulator);
        let mut table = Table::new(head.chain(["output", "flops", "params", "acts"]));
        let mut regulators = [String::new()].into_iter().chain(self.regulators());
        for StageRow { name, blocks, group_width, output, complexity } in &rows {
            let count = |n: usize| if n == 0 { String::new() } else { n.to_string() };
            let start = [name.clone(), count(*blocks), output.c.to_string(), count(group_width.unwrap_or(0))];
            let regulator = regulator.map(|_| regulators.next().unwrap_or_default());
            let output = format!("{} x {}", output.h, output.w);
            table.push(start.into_iter().chain(regulator).chain([output]).chain(costs(complexity)));
        }
        let blocks: usize = rows.iter().map(|row| row.blocks).sum();
        let blank = 3 + regulator.iter().len();
        let start = ["total".to_owned(), blocks.to_string()].into_iter();
        let start = start.chain(std::iter::repeat_n(String::new(), blank));
        table.push(start.chain(costs(&rows.iter().map(|row| row.complexity).sum())));
        Ok(table)
    }
}

impl AnyNet {
    /// The regulator of each stage, as `lstm of 16`: its cell and the channels of its state. None where there is no
    /// regulator.
    pub fn regulators(&self) -> impl Iterator<Item = String> {
        let cell = self.regulator.map(|regulator| regulator.cell);
        self.state_widths().into_iter().filter_map(move |width| Some(format!("{} of {width}", cell?)))
    }
}

fn costs(&Complexity { flops, params, acts }: &Complexity) -> [String; 3] {
    [flops, params, acts].map(grouped)
}

/// A number with commas between thousands.
pub fn grouped(n: u64) -> String {
    grouped_wide(n.into())
}

/// As [`grouped`], of larger numbers.
pub fn grouped_wide(n: u128) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.char_indices() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Preset;
    use crate::regulator::Cell;
    use crate::self_regulated::self_regulated_presets;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["name", "n"]);
        table.push(["a", "1000"]);
        table.push(["longer", ""]);
        assert_eq!(table.to_string(), "name       n\na       1000\nlonger");
    }

    #[test]
    fn nothing_controls_the_terminal() {
        for (text, shown) in [
            ("s1.b1.conv", "s1.b1.conv"),
            ("größe 大", "größe 大"),
            ("a\u{7}\u{1b}]0;title\u{7}", "a\\u{7}\\u{1b}]0;title\\u{7}"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("one\r\ntwo\tthree\0", "one\\u{d}\\u{a}two\\u{9}three\\u{0}"),
            ("exe.\u{202e}gpj\u{2066}", "exe.\\u{202e}gpj\\u{2066}"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable_lines("one\ntwo\r\u{1b}"), "one\ntwo\\u{d}\\u{1b}");
        let long = printable(&"\u{1b}".repeat(300_000));
        assert!(long.len() < 2000 && long.ends_with(".. (300000 characters)"), "{long}");
        assert!(printable_lines(&"x\n".repeat(300_000)).len() < 11_000);
        assert_eq!(printable(&"é".repeat(NAME)), "é".repeat(NAME));
    }

    #[test]
    fn cells_are_printable() {
        let mut table = Table::new(["name"]);
        table.push(["\u{1b}[2J"]);
        assert_eq!(table.to_string(), "name\n\\u{1b}[2J");
    }

    #[test]
    fn thousands_are_separated() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (600_891_112, "600,891,112")] {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn a_self_regulated_network() {
        let net = self_regulated_presets()[0].to_anynet(Cell::Gru.into());
        let text = net.describe(32, 32).unwrap_or_else(|error| panic!("{error}")).to_string();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0][4..7], ["width", "regulator", "output"]);
        assert_eq!(lines[1][..5], ["stem", "16", "32", "x", "32"]);
        assert_eq!(lines[3][..9], ["s2", "3", "32", "gru", "of", "32", "16", "x", "16"]);
        assert_eq!(lines[6][..2], ["total", "9"]);
    }

    #[test]
    fn a_published_model() {
        let preset = Preset::find("RegNetX-200MF").unwrap_or_else(|error| panic!("{error}"));
        let net = preset.declaration().to_anynet().unwrap_or_else(|errors| panic!("{errors:?}"));
        let text = net.describe(224, 224).unwrap_or_else(|error| panic!("{error}")).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 8, "{text}");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(lines[2])[..7], ["s1", "1", "24", "8", "56", "x", "56"]);
        assert_eq!(words(lines[7]), ["total", "13", "199,040,872", "2,684,792", "2,164,056"]);
    }
}
