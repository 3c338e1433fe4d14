//! Reports on populations whose errors are made up.
#![allow(clippy::unwrap_used)]

mod population;

use std::fs;

use population::{any_nets, of_results, reg_nets, result};
use regnet_space::{AnyNet, Preset};
use regnet_train::report::{Report, ReportError};
use regnet_train::sweep::{BadFile, Outcome, Population, Problem};

fn net() -> AnyNet {
    let mut declared = Preset::find("RegNetX-200MF").unwrap().declaration();
    declared.classes = 10;
    declared.to_anynet().unwrap()
}

fn of_errors(name: &str, errors: &[f64]) -> Population {
    of_results(name, errors.iter().enumerate().map(|(index, &error)| result(index, net(), error)).collect())
}

/// What the page says outside of tags, its lines joined.
fn assert_says(html: &str, text: &str) {
    let joined = html.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains(text), "the page does not say {text}");
}

#[test]
fn figures_are_as_by_hand() {
    let mut first = of_errors("A", &[0.5, 0.25, 0.5, 0.75]);
    first.results[2].outcome = Outcome::Stopped;
    let mut lost = result(4, net(), 0.1);
    lost.outcome = Outcome::Diverged { epoch: 1, step: 3 };
    first.results.push(lost);
    let report = Report::new(&[first, of_errors("B", &[0.125, 0.125])]).unwrap();

    let summary = report.populations()[0].summary;
    assert_eq!((summary.finished, summary.stopped, summary.diverged), (3, 1, 1));
    assert_eq!((summary.min, summary.mean), (Some(0.25), Some(0.5)));
    let best: Vec<usize> = report.populations()[0].ranked().iter().map(|entry| entry.index).collect();
    assert_eq!(best, [1, 0, 3]);
    let [comparison] = report.comparisons() else { panic!("{:?}", report.comparisons()) };
    assert_eq!((comparison.test.distance, comparison.difference), (1.0, 0.375));
    // One path in C(5, 2) has all of B before all of A, and one all of A before all of B.
    assert!((comparison.test.p_value - 0.2).abs() < 1e-12);

    let html = report.to_html();
    for text in [
        "A: n = 3, min 25.0, mean 50.0",
        "B: n = 2, min 12.5, mean 12.5",
        "<td>3</td> <td>1</td><td>1</td><td>25.00</td> <td>50.00</td>",
        "diverged in epoch 1, step 3",
        "<td>stopped</td>",
        "<td>+37.50</td>",
        "Trial 1: 25.00 % error",
        "pub struct A1 = &#60; d=13, w0=24, wa=36.44, wm=2.49, g=8, b=1, se=false &#62;;",
    ] {
        assert_says(&html, text);
    }
    let text = report.to_string();
    assert!(text.starts_with("population  finished  stopped  diverged  min error %  mean error %"), "{text}");
    assert!(text.contains("A                  3        1         1        25.00         50.00"), "{text}");
    assert!(text.contains("+37.50"), "{text}");
}

#[test]
fn a_page_needs_nothing_else_and_is_made_again() {
    let populations = [any_nets("AnyNetXC", 40, 1), reg_nets("RegNetX", 40, 2)];
    let html = Report::new(&populations).unwrap().to_html();
    assert_eq!(Report::new(&populations).unwrap().to_html(), html, "another page from the same trials");
    let outside = html.replace("http://www.w3.org/2000/svg", "");
    for reference in ["://", "src=", "<link", "url(", "@import"] {
        assert!(!outside.contains(reference), "the page refers to something outside: {reference}");
    }
    assert_eq!(html.matches("<svg").count(), html.matches("</svg>").count());
    // Three diagrams at equal complexity, two of all errors, and of each population the best and the worst six.
    let scatters = html.matches("Error against a number").count();
    assert!(html.matches("<svg").count() == 3 + 2 + 4 * 6 + scatters && scatters > 20, "{scatters}");
    // Numbers that only RegNets have are drawn of RegNets only, e_fit of those off a line.
    for (label, count) in [("slope wa", 1), ("depth d (blocks)", 2), ("linear-fit error e_fit", 1)] {
        let found = html.lines().filter(|line| line.trim() == label).count();
        assert!(found >= count, "{label} is drawn {found} times");
    }
    assert!(html.contains("anynet! {") && html.contains("regnet! {"));
    assert_eq!(html.matches("data-copy=").count(), 2);
}

#[test]
fn names_are_text() {
    let name = "<b>R&D's \"best\"</b>";
    let html = Report::new(&[of_errors(name, &[0.5, 0.25, 0.375])]).unwrap().to_html();
    assert!(!html.contains("<b>R"), "a name is markup");
    assert!(!html.contains("R&D"), "an ampersand is not escaped");
    assert!(html.contains("pub struct bRDsbestb1 ="), "the declaration has no name");
}

/// What would move the cursor of a terminal, end a line of a table, or cannot be in an SVG.
#[test]
fn names_control_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["\u{1b}[31mred\u{7}", "two\r\nlines\t", "\0\u{b}", "\u{fffe}\u{ffff}", "\u{202e}x"] {
        let report = Report::new(&[of_errors(name, &[0.5, 0.25, 0.375])]).unwrap();
        // With the pictures, which are read as XML where they become PNG.
        let files = report.write(&folder.path().join("page.html")).unwrap();
        let control = |c: char| c.is_control() && c != '\n';
        let svg = fs::read_to_string(files.join("edf.svg")).unwrap();
        for text in [report.to_string(), report.to_html(), svg] {
            assert!(!text.contains(control), "{name:?}");
        }
        assert!(report.to_string().lines().count() == 2, "{name:?}: {report}");
    }
}

#[test]
fn no_cell_is_a_formula_and_every_number_is_one() {
    let folder = tempfile::tempdir().unwrap();
    for (name, cell) in [
        ("=HYPERLINK(\"http://a\")", "\"'=HYPERLINK(\"\"http://a\"\")\""),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "\\u{9}=1"),
        ("\r=1", "\\u{d}=1"),
        ("RegNetX -1", "RegNetX -1"),
    ] {
        let report = Report::new(&[of_errors(name, &[0.5, 0.25]), of_errors("B", &[0.75])]).unwrap();
        let files = report.write(&folder.path().join("page.html")).unwrap();
        for (file, columns) in [("trials.csv", 1), ("populations.csv", 1), ("comparisons.csv", 2)] {
            let text = fs::read_to_string(files.join(file)).unwrap();
            let line = text.lines().nth(1).unwrap();
            let rest = line.strip_prefix(cell).unwrap_or_else(|| panic!("{file} has {line}"));
            let numbers = rest.split(',').skip(columns).filter(|cell| !cell.is_empty());
            let words = ["finished", "stopped", "diverged"];
            for cell in numbers.flat_map(|cell| cell.split(' ')).filter(|cell| !words.contains(cell)) {
                assert!(cell.parse::<f64>().is_ok(), "{file} has {cell} for a number");
            }
        }
    }
}

#[test]
fn what_is_left_out_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut population = of_errors("A", &[0.5, 0.25]);
    let bad = BadFile { path: "trials/0002/result.json".into(), problem: Problem::Changed };
    (population.networks, population.left_out) = (6, vec![bad.clone()]);
    let report = Report::new(&[population.clone()]).unwrap();
    let sentence = "A: 3 of 6 networks have not ended, and 1 is left out, because files of theirs are bad.";
    assert!(report.to_string().ends_with(&format!("{sentence}\n    {bad}")), "{report}");
    assert_says(&report.to_html(), sentence);
    assert_says(&report.to_html(), &format!("<li>{bad}</li>"));
    let files = report.write(&folder.path().join("page.html")).unwrap();
    let csv = fs::read_to_string(files.join("populations.csv")).unwrap();
    assert!(csv.contains("A,6,2,0,0,3,1,0.25,0.375,"), "{csv}");

    population.results.clear();
    let error = Report::new(&[population]).unwrap_err().to_string();
    assert!(
        error.contains("no trial of A has ended with a result") && error.contains(&bad.to_string()),
        "{error}"
    );
}

#[test]
fn populations_of_one_name_are_told_apart() {
    let same = || of_errors("A", &[0.5, 0.25]);
    let report = Report::new(&[same(), of_errors("A (2)", &[0.5]), same()]).unwrap();
    let names: Vec<&str> = report.populations().iter().map(|population| population.name.as_str()).collect();
    assert_eq!(names, ["A", "A (2)", "A (3)"]);
}

#[test]
fn what_cannot_be_reported_on_is_said() {
    assert!(matches!(Report::new(&[]), Err(ReportError::NoPopulations)));
    let error = Report::new(&[of_errors("A", &[])]).unwrap_err().to_string();
    assert_eq!(error, "no trial of A has ended yet; run the sweep first, or leave it out");
    let mut broken = of_errors("A", &[0.5, 0.25]);
    broken.results[1].trial.network.0.stages[0].width = 0;
    let error = Report::new(&[broken]).unwrap_err().to_string();
    assert!(error.starts_with("trial 1 of A cannot be read: "), "{error}");
}

#[test]
fn a_population_without_errors_is_counted_only() {
    let mut none = of_errors("None", &[0.5, 0.25]);
    none.results.iter_mut().for_each(|result| result.outcome = Outcome::Diverged { epoch: 1, step: 1 });
    let report = Report::new(&[none.clone(), of_errors("Some", &[0.5])]).unwrap();
    assert!(report.comparisons().is_empty());
    assert_says(&report.to_html(), "No network was trained to the end.");
    Report::new(&[none]).unwrap().to_html();
}

#[test]
fn files_lie_beside_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("new/spaces.html");
    let report = Report::new(&[any_nets("AnyNetXC", 30, 1), reg_nets("RegNetX", 30, 2)]).unwrap();
    let files = report.write(&page).unwrap();
    assert_eq!(files, folder.path().join("new/spaces"));
    assert_eq!(fs::read_to_string(&page).unwrap(), report.to_html());
    let pictures = ["edf", "random-search", "edf-equal-flops", "edf-equal-params", "edf-equal-acts"];
    for picture in pictures {
        let svg = fs::read_to_string(files.join(format!("{picture}.svg"))).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("AnyNetXC"), "{picture}");
    }
    let csv = fs::read_to_string(files.join("trials.csv")).unwrap();
    let head = "population,index,outcome,epochs,error,depths,widths,group_widths,bottlenecks,d,w1,w2,w3,w4,g,b,w0,wa,wm,\
                flops,params,acts,e_fit";
    assert_eq!(csv.lines().next(), Some(head));
    assert_eq!(csv.lines().count(), 61);
    assert!(csv.lines().all(|line| line.split(',').count() == 23));
    let mut names: Vec<_> = fs::read_dir(&files).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    let count = if cfg!(feature = "png") { 13 } else { 8 };
    assert_eq!(names.len(), count, "{names:?}");

    // A page without an ending has a folder of its own, too.
    assert_eq!(report.write(&folder.path().join("page")).unwrap(), folder.path().join("page-files"));
    fs::write(folder.path().join("file"), "").unwrap();
    let error = report.write(&folder.path().join("file/page.html")).unwrap_err();
    assert!(matches!(error, ReportError::Folder { .. }), "{error}");
}

#[cfg(feature = "png")]
#[test]
fn pictures_are_pixels_too() {
    let folder = tempfile::tempdir().unwrap();
    let report = Report::new(&[of_errors("A", &[0.5, 0.25])]).unwrap();
    let files = report.write(&folder.path().join("page.html")).unwrap();
    let picture = image::open(files.join("edf.png")).unwrap().into_luma8();
    assert_eq!(picture.dimensions(), (960, 734));
    let dark = picture.pixels().filter(|pixel| pixel.0[0] < 100).count();
    assert!(dark > 2_000, "{dark} dark pixels: no text or no lines");
}

/// Leaves a report of `REGNET_REPORT_TRIALS` trials in `REGNET_REPORT`, to look at, and says how long it took.
#[test]
#[ignore = "for eyes and stop watches"]
fn to_look_at() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let trials: usize = variable("REGNET_REPORT_TRIALS").parse().unwrap();
    let of = trials / 4;
    let populations = [
        any_nets("AnyNetXC", of, 1),
        any_nets("AnyNetXC, other seed", of, 3),
        reg_nets("RegNetX", of, 2),
        reg_nets("RegNetX, other seed", trials - 3 * of, 4),
    ];
    let started = std::time::Instant::now();
    let report = Report::new(&populations).unwrap();
    let analysed = started.elapsed();
    report.write(variable("REGNET_REPORT").as_ref()).unwrap();
    println!("{trials} trials: analysed in {analysed:.2?}, written after {:.2?}", started.elapsed());
}
