use regnet::anynet;

anynet! {
    struct Net = < depths=[1, 3, 5], widths=[48, 96, 232], groups=[24, 24, 24] >;
    classes = 10;
}

fn main() {}
