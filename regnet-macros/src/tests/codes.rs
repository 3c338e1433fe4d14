//! Every short name is pinned by a program in `tests/ui/fail`, and every message there has one.

use std::collections::BTreeSet;
use std::path::Path;

use regnet_space::code::CODES;

use crate::code::Code;

/// What no program can bring about.
const UNREACHABLE: [(&str, &str); 3] = [
    ("called-directly", "only the hidden macro behind `regnet!` can be called without its crate's path"),
    (
        "plain-stage",
        "`anynet!` refuses groups and bottlenecks of plain blocks as `plain-block`, before there are stages",
    ),
    ("reversed-window", "`population!` refuses such a range as it was written, as `reversed-range`"),
];

/// The macros' own short names and those of `regnet-space`.
fn codes() -> BTreeSet<&'static str> {
    let own = Code::ALL.iter().map(|code| code.name());
    own.chain(CODES).collect()
}

pub fn is_code(name: &str) -> bool {
    CODES.contains(&name) || Code::ALL.iter().any(|code| code.name() == name)
}

#[test]
fn short_names_are_distinct() {
    assert_eq!(codes().len(), Code::ALL.len() + CODES.len());
}

/// The pinned messages: what the compiler prints after `error: `, up to the line with the place.
fn messages() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/ui/fail");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let pinned = files.filter(|path| path.extension().is_some_and(|extension| extension == "stderr"));
    let mut messages = Vec::new();
    for path in pinned {
        let text = std::fs::read_to_string(path).unwrap();
        for error in format!("\n{text}").split("\nerror: ").skip(1) {
            let message = error.lines().take_while(|line| !line.trim_start().starts_with("--> "));
            messages.push(message.collect::<Vec<_>>().join("\n"));
        }
    }
    messages
}

#[test]
fn every_pinned_message_has_a_short_name_and_a_help_line() {
    for message in messages() {
        let lines: Vec<&str> = message.lines().collect();
        let [what, help] = lines.as_slice() else { panic!("not two lines: {message}") };
        let code = what.rsplit_once(" [").and_then(|(_, code)| code.strip_suffix(']'));
        assert!(code.is_some_and(is_code), "{message}");
        assert!(help.trim_start().starts_with("help: "), "{message}");
    }
}

#[test]
fn every_short_name_is_pinned() {
    let messages = messages();
    let pinned = |code: &str| messages.iter().any(|message| message.contains(&format!(" [{code}]\n")));
    let unreachable = UNREACHABLE.map(|(code, _)| code);
    let missing: Vec<_> =
        codes().into_iter().filter(|code| !pinned(code) && !unreachable.contains(code)).collect();
    assert_eq!(missing, [""; 0], "no program in tests/ui/fail shows these");
    for code in unreachable {
        assert!(is_code(code) && !pinned(code), "{code} can be reached after all");
    }
}
