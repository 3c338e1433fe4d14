//! Running the binary.
#![allow(clippy::unwrap_used)]

use std::process::Command;

/// What the binary said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `regnet` with words separated by blanks.
pub fn regnet(line: &str) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_regnet")).args(line.split_whitespace()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
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
