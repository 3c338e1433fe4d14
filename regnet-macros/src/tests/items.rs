//! What an item expands to.

use syn::{Item, Visibility};

use super::{errors, file, unspaced};

const LEAF: &str = "
    /// Leaves, 38 diseases.
    #[derive(Debug, PartialEq)]
    pub struct LeafNet = < d=16, w0=48, wa=36.97, wm=2.24, g=24, b=1, se=true >;
    input   = 3 x 224 x 224;
    classes = 38;
    stem    = simple(32);
";

#[test]
fn a_struct_with_docs_and_derives() {
    let file = file(LEAF);
    let Item::Struct(item) = &file.items[0] else { panic!("{file:?}") };
    assert_eq!(item.ident, "LeafNet");
    assert!(matches!(item.vis, Visibility::Public(_)) && item.fields.is_empty());
    let attributes: Vec<String> = item.attrs.iter().map(unspaced).collect();
    // The user's come first; what they derive is not derived again.
    assert_eq!(attributes[0], "#[doc=\"Leaves,38diseases.\"]");
    assert_eq!(attributes[1], "#[derive(Debug,PartialEq)]");
    let core = "::regnet::__private::core::";
    assert_eq!(
        attributes.last().unwrap(),
        &format!("#[derive({core}clone::Clone,{core}marker::Copy,{core}default::Default)]")
    );
}

#[test]
fn the_docs_hold_the_stage_table() {
    let docs: Vec<String> = match &file(LEAF).items[0] {
        Item::Struct(item) => item.attrs.iter().filter_map(doc).collect(),
        other => panic!("{other:?}"),
    };
    // Figures of the table in regnet-space, which is tested against pycls.
    for line in [
        " Leaves, 38 diseases.",
        "",
        "A RegNetY ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for 3 x 224 x 224 images and 38 classes.",
        "| stage | blocks | width | group width | output size | params | flops |",
        "| stem |  | 32 |  | 112 x 112 | 928 | 10,838,016 |",
        "| head |  | 38 |  | 1 x 1 | 20,102 | 20,102 |",
    ] {
        assert!(docs.iter().any(|doc| doc == line), "{line}\nis not in\n{}", docs.join("\n"));
    }
    assert!(docs.iter().any(|doc| doc.starts_with("| s4 | 7 | 528 | 24 | 7 x 7 |")), "{docs:#?}");
    assert!(docs.iter().any(|doc| doc.starts_with("| total | 16 |")), "{docs:#?}");
}

fn doc(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(doc) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &doc.value else { return None };
    Some(text.value())
}

#[test]
fn constants() {
    let text = unspaced(file("pub struct X600 = RegNetX-600MF;"))
        .replace("::regnet::__private::core::primitive::", "");
    for line in [
        "pubconstDEPTH:usize=16;",
        "pubconstSTAGE_DEPTHS:[usize;4]=[1,3,5,7];",
        "pubconstSTAGE_WIDTHS:[usize;4]=[48,96,240,528];",
        "pubconstGROUP_WIDTHS:[usize;4]=[24,24,24,24];",
        "pubconstINNER_WIDTHS:[usize;4]=[48,96,240,528];",
        "pubconstSTRIDES:[usize;4]=[2,2,2,2];",
        "pubconstINPUT:[usize;3]=[3,224,224];",
        "pubconstCLASSES:usize=1000;",
        "pubconstFLOPS:u64=600891112;",
        "pubconstPARAMS:u64=6196040;",
        "pubconstACTS:u64=3975096;",
        "constINPUT:[usize;3]=X600::INPUT;",
    ] {
        assert!(text.contains(line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn constants_are_as_visible_as_the_struct() {
    let text = unspaced(file("pub(crate) struct A = RegNetX-200MF; struct B = RegNetX-200MF;"));
    assert!(
        text.contains("pub(crate)constDEPTH") && text.contains("]constSTRIDES") && !text.contains("pubconst")
    );
}

#[test]
fn the_spec_field_by_field() {
    let text =
        unspaced(file("struct Small = RegNetX-200MF, b = 0.5, se = 0.25; stem = cifar(16); classes = 10;"));
    for part in [
        "input_channels:3,",
        "stem:::regnet::__private::space::Stem{kind:::regnet::__private::space::StemKind::Cifar,width:16},",
        "block:::regnet::__private::space::Block::Bottleneck,",
        "stages:::regnet::__private::core::convert::From::from([",
        "::regnet::__private::space::Stage{depth:1,width:24,stride:2,\
         bottleneck:::regnet::__private::space::Bottleneck::expands(2),group_width:8,}",
        "se:::regnet::__private::core::option::Option::Some(0.25),",
        "classes:10,",
        "usize;3]=[3,32,32];",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn impls() {
    let text = unspaced(file("struct Small = RegNetX-200MF;"));
    for part in [
        "#[automatically_derived]impl::regnet::DeclaredforSmall{typeNetwork=::regnet::builders::RegNet<",
        "::regnet::__private::dfdx::nn::BuildOnDevice<__Device,__Dtype>forSmallwhere",
        "typeBuilt=<<Smallas::regnet::Declared>::Networkas\
         ::regnet::__private::dfdx::nn::BuildOnDevice<__Device,__Dtype>>::Built;",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
    // The prelude may be shadowed: nothing is named without a path.
    for bare in ["Option<", "->Result<", "Vec<", "vec!", "std::", "(Some("] {
        assert!(!text.contains(bare), "{bare} in\n{text}");
    }
}

#[test]
fn several_structs_in_one_call() {
    let declaration =
        "struct A = RegNetX-200MF; classes = 7; pub struct B = < RegNetY-200MF >; input = 1 x 64 x 64;";
    assert_eq!(errors(declaration), []);
    let text = unspaced(file(declaration));
    assert!(text.contains("structA;") && text.contains("usize=7;"));
    assert!(text.contains("pubstructB;") && text.contains("usize;3]=[1,64,64];"));
}
