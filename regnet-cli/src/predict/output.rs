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
        }
    }

    /// Prints the images of a batch, whose logits follow one another.
    pub fn write(&mut self, names: &[String], logits: &[f64]) -> anyhow::Result<()> {
        let rows = logits.chunks_exact(logits.len() / names.len().max(1));
        for (name, logits) in names.iter().zip(rows) {
            let guesses = best(logits, self.count);
            match self.form {
                Form::Text => self.text(name, &guesses)?,
                Form::Csv => self.csv(name, &guesses)?,
                Form::Lines => {
                    let line = json!({ "image": name, "topk": self.json(&guesses) });
                    writeln!(self.out, "{line}")?;
                }
                Form::Object => {
                    self.images.push(name.clone());
                    self.logits.push(logits.to_vec());
                    self.topk.push(self.json(&guesses));
                }
            }
        }
        Ok(self.out.flush()?)
    }

    /// Prints what was kept for the end.
    pub fn finish(self) -> anyhow::Result<()> {
        if self.form == Form::Object {
            let object = json!({ "images": self.images, "logits": self.logits, "topk": self.topk });
            writeln!(self.out, "{object}")?;
        }
        Ok(())
    }

    fn label(&self, class: usize) -> Option<&str> {
        self.labels.as_ref()?.get(class).map(String::as_str)
    }

    fn text(&mut self, name: &str, guesses: &[Guess]) -> anyhow::Result<()> {
        writeln!(self.out, "{}", printable(name))?;
        for &Guess { class, probability } in guesses {
            let label = self.label(class).map_or_else(|| format!("class {class}"), printable);
            writeln!(self.out, "  {:6.2} %  {label}", 100.0 * probability)?;
        }
        Ok(())
    }

    fn csv(&mut self, name: &str, guesses: &[Guess]) -> anyhow::Result<()> {
        if !self.begun {
            self.begun = true;
            let columns = (1..=guesses.len()).map(|i| format!(",class_{i},label_{i},probability_{i}"));
            writeln!(self.out, "image{}", columns.collect::<String>())?;
        }
        write!(self.out, "{}", quoted(name))?;
        for &Guess { class, probability } in guesses {
            let label = quoted(self.label(class).unwrap_or_default());
            write!(self.out, ",{class},{label},{probability:.6}")?;
        }
        writeln!(self.out)?;
        Ok(())
    }

    fn json(&self, guesses: &[Guess]) -> Value {
        let guess = |&Guess { class, probability }: &Guess| match self.label(class) {
            Some(label) => json!({ "class": class, "label": label, "probability": probability }),
            None => json!({ "class": class, "probability": probability }),
        };
        guesses.iter().map(guess).collect()
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
