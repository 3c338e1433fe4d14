//! Running the binary.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What the binary said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `regnet` with words separated by blanks.
pub fn regnet(line: &str) -> Said {
    said(&command(line).output().unwrap())
}

/// Runs `regnet` with this on its standard input.
#[allow(dead_code)]
pub fn regnet_reading(input: &str, line: &str) -> Said {
    let mut command = command(line);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    said(&running.wait_with_output().unwrap())
}

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regnet"));
    command.args(line.split_whitespace());
    command
}

fn said(Output { status, stdout, stderr }: &Output) -> Said {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Said { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

/// Asserts that the command fails with one error that says all of `parts`, and nothing else.
#[track_caller]
pub fn assert_fails(line: &str, code: i32, parts: &[&str]) {
    let said = regnet(line);
    assert_eq!(said.code, code, "regnet {line}: {}", said.stderr);
    assert!(said.stderr.starts_with("error: "), "{}", said.stderr);
    assert_eq!(said.stderr.matches("error: ").count(), 1, "{}", said.stderr);
    for part in parts {
        assert!(said.stderr.contains(part), "`{part}` is not in: {}", said.stderr);
    }
}
