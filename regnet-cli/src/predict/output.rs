//! What is printed of images.

use std::io::Write;

use regnet::space::text::printable;
use regnet::train::predict::{Guess, best};
use serde_json::{Value, json};

/// How predictions are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A few lines an image, for people.
    Text,
    /// One object at the end, with all logits.
    Object,
    /// A line of comma-separated values an image.
    Csv,
    /// An object a line.
    Lines,
}

impl Form {
    pub fn of(json: bool, in_folder: bool) -> Self {
        match (json, in_folder) {
            (false, false) => Self::Text,
            (true, false) => Self::Object,
            (false, true) => Self::Csv,
            (true, true) => Self::Lines,
        }
    }
}

/// Prints predictions as they come.
pub struct Writer<'a> {
    out: &'a mut dyn Write,
    form: Form,
    count: usize,
    labels: Option<Vec<String>>,
    images: Vec<String>,
    logits: Vec<Vec<f64>>,
    topk: Vec<Value>,
    begun: bool,
    /// Images whose logits are not all finite, so that no class is the most probable.
    senseless: usize,
}

impl<'a> Writer<'a> {
    /// A writer of the `count` best classes of each image.
    pub fn new(out: &'a mut dyn Write, form: Form, count: usize, labels: Option<Vec<String>>) -> Self {
        Self {
            out,
            form,
            count,
            labels,
            images: Vec::new(),
            logits: Vec::new(),
            topk: Vec::new(),
            begun: false,
            senseless: 0,
        }
    }

    /// Prints the images of a batch, whose logits follow one another. Where some are not finite, text says so, the columns
    /// of CSV are empty, and in JSON `topk` and those logits are null.
    pub fn write(&mut self, names: &[String], logits: &[f64]) -> anyhow::Result<()> {
        let rows = logits.chunks_exact(logits.len() / names.len().max(1));
        for (name, logits) in names.iter().zip(rows) {
            let finite = logits.iter().all(|logit| logit.is_finite());
            self.senseless += usize::from(!finite);
            let guesses = finite.then(|| best(logits, self.count));
            let guesses = guesses.as_deref();
            match self.form {
                Form::Text => self.text(name, guesses)?,
                Form::Csv => self.csv(name, guesses, logits.len())?,
                Form::Lines => {
                    let line = json!({ "image": name, "topk": self.json(guesses) });
                    writeln!(self.out, "{line}")?;
                }
                Form::Object => {
                    self.images.push(name.clone());
                    self.logits.push(logits.to_vec());
                    self.topk.push(self.json(guesses));
                }
            }
        }
        Ok(self.out.flush()?)
    }

    /// Prints what was kept for the end; the number of images whose logits were not all finite.
    pub fn finish(self) -> anyhow::Result<usize> {
        if self.form == Form::Object {
            let object = json!({ "images": self.images, "logits": self.logits, "topk": self.topk });
            writeln!(self.out, "{object}")?;
        }
        Ok(self.senseless)
    }

    fn label(&self, class: usize) -> Option<&str> {
        self.labels.as_ref()?.get(class).map(String::as_str)
    }

    fn text(&mut self, name: &str, guesses: Option<&[Guess]>) -> anyhow::Result<()> {
        writeln!(self.out, "{}", printable(name))?;
        let Some(guesses) = guesses else {
            writeln!(self.out, "  no class: the logits are not finite")?;
            return Ok(());
        };
        for &Guess { class, probability } in guesses {
            let label = self.label(class).map_or_else(|| format!("class {class}"), printable);
            writeln!(self.out, "  {:6.2} %  {label}", 100.0 * probability)?;
        }
        Ok(())
    }

    fn csv(&mut self, name: &str, guesses: Option<&[Guess]>, classes: usize) -> anyhow::Result<()> {
        let columns = self.count.min(classes);
        if !self.begun {
            self.begun = true;
            let columns = (1..=columns).map(|i| format!(",class_{i},label_{i},probability_{i}"));
            writeln!(self.out, "image{}", columns.collect::<String>())?;
        }
        write!(self.out, "{}", quoted(name))?;
        for &Guess { class, probability } in guesses.unwrap_or_default() {
            let label = quoted(self.label(class).unwrap_or_default());
            write!(self.out, ",{class},{label},{probability:.6}")?;
        }
        if guesses.is_none() {
            write!(self.out, "{}", ",,,".repeat(columns))?;
        }
        writeln!(self.out)?;
        Ok(())
    }

    fn json(&self, guesses: Option<&[Guess]>) -> Value {
        let guess = |&Guess { class, probability }: &Guess| match self.label(class) {
            Some(label) => json!({ "class": class, "label": label, "probability": probability }),
            None => json!({ "class": class, "probability": probability }),
        };
        guesses.map_or(Value::Null, |guesses| guesses.iter().map(guess).collect())
    }
}

/// A field of RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_class_is_named_where_logits_are_not_finite() {
        let printed = |form| {
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out, form, 2, None);
            writer.write(&["a".to_owned(), "b".to_owned()], &[0.0, 0.0, f64::NAN, 1.0]).unwrap();
            writer.write(&["c".to_owned()], &[f64::INFINITY, 0.0]).unwrap();
            assert_eq!(writer.finish().unwrap(), 2);
            String::from_utf8(out).unwrap()
        };
        let text = printed(Form::Text);
        assert!(text.starts_with("a\n   50.00 %  class 0\n   50.00 %  class 1\nb\n  no class: "), "{text}");
        assert!(!text.contains("NaN"), "{text}");
        let csv = printed(Form::Csv);
        assert_eq!(csv.lines().nth(1), Some("a,0,,0.500000,1,,0.500000"), "{csv}");
        assert_eq!(csv.lines().skip(2).collect::<Vec<_>>(), ["b,,,,,,", "c,,,,,,"]);
        let lines = printed(Form::Lines);
        assert_eq!(lines.lines().nth(1), Some(r#"{"image":"b","topk":null}"#), "{lines}");
        let object: Value = serde_json::from_str(&printed(Form::Object)).unwrap();
        assert_eq!(object["logits"], json!([[0.0, 0.0], [null, 1.0], [null, 0.0]]));
        assert_eq!((&object["topk"][1], object["topk"][0].is_array()), (&Value::Null, true));
    }
}
