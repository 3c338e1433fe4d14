#![allow(clippy::unwrap_used)]

use regnet_space::{AnyNet, Block, Bottleneck, Cell, Preset, Regulator};
use serde_json::{Value, json};

use super::{Spec, SpecFile};

fn published() -> AnyNet {
    Preset::find("RegNetY-400MF").unwrap().declaration().to_anynet().unwrap()
}

fn json() -> Value {
    serde_json::to_value(Spec(published())).unwrap()
}

/// Everything wrong with a network.
fn wrong(json: &Value) -> Vec<String> {
    Spec::from_json(json).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn networks_read_back() {
    let regulator = Regulator { carry: true, ..Cell::Gru.into() };
    let regulated = AnyNet::self_regulated(20, regulator, 7).unwrap();
    let mut wide = published();
    wide.stages[1].bottleneck = Bottleneck::expands(3);
    for net in [published(), regulated, wide] {
        let text = serde_json::to_string(&Spec(net.clone())).unwrap();
        assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), Spec(net.clone()), "{text}");
        assert_eq!(text.contains("regulator"), net.regulator.is_some(), "{text}");
    }
}

#[test]
fn what_has_a_default_may_be_left_out() {
    let mut json = json();
    let fields = json.as_object_mut().unwrap();
    fields.remove("block");
    fields.remove("se");
    let Spec(net) = Spec::from_json(&json).unwrap();
    assert_eq!((net.block, net.regulator, net.se), (Block::Bottleneck, None, None));
}

#[test]
fn every_mistake_is_said_with_its_key() {
    let mut spoilt = json();
    let fields = spoilt.as_object_mut().unwrap();
    fields.remove("classes");
    fields.remove("stem_width");
    fields.insert("stem_widht".to_owned(), 32.into());
    fields.insert("block".to_owned(), "plain".into());
    fields.insert("stem".to_owned(), "simpel".into());
    fields.insert("se".to_owned(), "yes".into());
    fields.insert("regulator".to_owned(), "gru(conv = fast)".into());
    spoilt["stages"][0] = json!({"depth": 2.5, "width": -8, "stride": 2, "bottleneck": 1.5, "groups": 8});
    spoilt["stages"][1] = json!([1, 2]);
    assert_eq!(
        wrong(&spoilt),
        [
            "there is no key `stem_widht`; did you mean `stem_width`?",
            "`stem`: no stem is called `simpel`; did you mean `simple`? there are `simple`, `cifar` and `resnet`",
            "`block`: no block is called `plain`; there are `vanilla`, `basic` and `bottleneck`",
            "there is no key `groups` of stage 1; the keys are depth, width, stride, bottleneck, group_width",
            "`depth` of stage 1 is 2.5; give a whole number",
            "`width` of stage 1 is -8; give a whole number",
            "`group_width` of stage 1 is missing; give a whole number",
            "`bottleneck` of stage 1: a bottleneck ratio of 1.5 is neither a whole number nor one over a whole number \
             up to 64; the nearest are 1 and 2",
            "stage 2 is [1,2]; give an object",
            "`se` is \"yes\"; give a ratio or null",
            "`regulator`: `fast` is no convolution of a regulator; there are `full` and `efficient`",
            "`classes` is missing; give a whole number",
        ]
    );
    assert_eq!(wrong(&json!(7)), ["the network is 7; give an object"]);
    assert_eq!(wrong(&json!({})).len(), 5);
}

#[test]
fn numbers_that_make_no_network() {
    let mut spoilt = json();
    spoilt["stages"][0]["stride"] = 3.into();
    spoilt["stages"][2]["width"] = u64::MAX.into();
    spoilt["classes"] = 0.into();
    let errors = wrong(&spoilt);
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[1].starts_with("stage 1: stride 3 is out of range"), "{errors:?}");
    // Through serde they are one error.
    let error = serde_json::from_value::<Spec>(spoilt).unwrap_err().to_string();
    assert_eq!(error, errors.join("; "));
}

#[test]
fn files() {
    let parse = |text: &str| SpecFile::parse(text);
    let net = published();
    assert_eq!(parse(&json().to_string()), Ok(SpecFile { net: net.clone(), image: None }));
    let card = json!({"network": json(), "input": [3, 28, 32], "data": "builtin"});
    assert_eq!(parse(&card.to_string()), Ok(SpecFile { net, image: Some([28, 32]) }));

    let error = |text: &str| parse(text).unwrap_err()[0].to_string();
    assert_eq!(error("{\"stem\""), "this is no JSON: EOF while parsing an object at line 1 column 7");
    let card = json!({"network": json(), "input": [1, 28, 28]});
    assert!(error(&card.to_string()).contains("`input` is [1,28,28]; give channels"), "{card}");
    let card = json!({"network": json(), "input": "x".repeat(100)});
    assert!(error(&card.to_string()).contains("xxx...; give"), "{card}");
}

#[test]
fn what_would_take_much_memory_is_no_network() {
    let error = |text: &str| SpecFile::parse(text).unwrap_err()[0].to_string();
    let many = format!("[{}0]", "{},".repeat(20_000));
    for text in [many.clone(), format!("{{\"network\": {many}}}"), format!("{{\"stages\": {many}}}")] {
        assert!(error(&text).contains("more than 10000 values"), "{}", error(&text));
    }
    let keys: Vec<_> = (0..20_000).map(|i| format!("\"{i}\":0")).collect();
    assert!(error(&format!("{{{}}}", keys.join(","))).contains("more than 10000 values"));
    // Other keys of a file are not kept, and may be as long as they are.
    let card = json!({"network": json(), "classes": vec!["a class"; 20_000]});
    assert_eq!(SpecFile::parse(&card.to_string()).unwrap().net, published());
    let spec = serde_json::from_str::<Spec>(&many).unwrap_err().to_string();
    assert!(spec.contains("more than 10000 values"), "{spec}");
}
