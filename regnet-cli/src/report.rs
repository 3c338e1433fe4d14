//! Errors, as the user sees them.

use std::fmt;
use std::io;
use std::process::ExitCode;

use regnet::space::ParamError;
use regnet::train::spec::ReadError;

/// A command line that cannot be understood, though each of its parts can.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An end that was said already, with its exit status.
#[derive(Debug)]
pub struct Exit(pub u8);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit status {}", self.0)
    }
}

impl std::error::Error for Exit {}

/// What a library's error advises, and the same in this command line's words.
const ALLOW: (&str, &str) = ("set `allow_non_finite`", "give --allow-non-finite");

/// Writes a line to standard error. Nobody who could be told is there if that fails.
pub fn note(line: impl fmt::Display) {
    regnet::train::note(line);
}

/// Says what is wrong on standard error; 1, or 2 for a wrong command line. A reader that has seen enough and
/// closed the pipe (`regnet models | head -1`) is no error.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let closed_pipe =
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if closed_pipe {
        return ExitCode::SUCCESS;
    }
    if let Some(&Exit(status)) = error.downcast_ref() {
        return ExitCode::from(status);
    }
    note(format_args!("error: {}", message(error).replace(ALLOW.0, ALLOW.1)));
    if error.is::<Usage>() { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// The error and its causes; many errors already say their cause.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if !text.contains(&cause) {
            text += if text.is_empty() { "" } else { ": " };
            text += &cause;
        }
    }
    text
}

/// All that is wrong with a network's numbers, a line each, in this command line's words.
pub fn parameters(errors: Vec<ParamError>) -> anyhow::Error {
    let say = |error: &ParamError| error.to_string().replace("write `space = any`", "give `--space any`");
    lines(errors.iter().map(say))
}

/// All that is wrong with a network that was read from a file, a line each.
pub fn file(place: &str, errors: &[ReadError]) -> anyhow::Error {
    lines(errors.iter().map(|error| format!("{place}: {error}")))
}

/// Errors one below the other, after `error: `.
pub fn lines(errors: impl Iterator<Item = impl fmt::Display>) -> anyhow::Error {
    let texts: Vec<String> = errors.map(|error| error.to_string().replace('\n', "\n       ")).collect();
    anyhow::Error::msg(texts.join("\n       "))
}
