//! `regnet draw` draws what the network is.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_fails, regnet};

fn drawn(line: &str) -> String {
    let said = regnet(line);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "regnet {line}");
    said.stdout
}

/// Elements open and close in turn, and nothing but one svg is outside.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') {
            assert!(!open.is_empty() || name == "svg", "{tag}");
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn svg_shows_parts_shapes_and_costs() {
    let svg = drawn("draw RegNetY-400MF");
    assert_well_formed(&svg);
    for text in
        ["RegNetY-400MF", "4.34M params · 402M flops", ">b2–b3<", ">×2<", "28 × 28", ">208<", "1000 logits"]
    {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains("squeeze-excite"));
    let blocks = drawn("draw RegNetY-400MF --blocks");
    assert_well_formed(&blocks);
    for text in
        ["squeeze-excite, 12", "3×3 conv, 104, g 8, /2", "104 × 28 × 28", "proj · norm", "linear, 1000"]
    {
        assert!(blocks.contains(text), "{text}");
    }
}

#[test]
fn regulators_are_drawn_with_their_states() {
    let svg = drawn("draw self-regulated-20 --cell gru --blocks");
    assert_well_formed(&svg);
    for text in ["gru step, 16", "shared weights", "from zero", "class=\"state\""] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains("carry"));
    let svg = drawn("draw RegNetX-200MF --cell lstm --cell-share block --cell-carry");
    assert!(svg.contains("1×1 carry") && svg.contains("a regulator for each block"));
}

/// Every node of an edge is there, and what is open is closed.
#[test]
fn dot_is_a_graph_of_what_it_names() {
    for line in
        ["RegNetX-200MF", "self-regulated-20 --cell lstm --cell-carry --blocks", "RegNetY-200MF --blocks"]
    {
        let dot = drawn(&format!("draw {line} --format dot"));
        assert_eq!(dot.matches('{').count(), dot.matches('}').count(), "{line}");
        let node = |text: &str| text.trim().split(" [").next().unwrap().to_owned();
        let lines = dot.lines().filter(|line| line.starts_with('"') || line.starts_with("logits"));
        let (edges, nodes): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains(" -> "));
        let nodes: Vec<String> = nodes.into_iter().map(node).collect();
        assert!(!edges.is_empty(), "{line}");
        for (from, to) in edges.iter().map(|edge| edge.split_once(" -> ").unwrap()) {
            for end in [from.to_owned(), node(to)] {
                assert!(nodes.contains(&end) || end == "\"logits\"", "{line}: {end} is no node");
            }
        }
    }
}

#[test]
fn a_file_says_its_format() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("net.svg", "<svg "), ("net.dot", "digraph "), ("net", "<svg ")] {
        let path = folder.path().join(name);
        assert_eq!(drawn(&format!("draw RegNetX-200MF -o {}", path.display())), "");
        assert!(std::fs::read_to_string(path).unwrap().starts_with(start), "{name}");
    }
    assert_fails("draw RegNetX-200MF --format png", 2, &["png", "svg, dot"]);
    assert_fails("draw RegNetX-200MF -o /no/such/folder/net.svg", 1, &["/no/such/folder/net.svg"]);
}
