// population! { pub mod candidates = RegNetX[2] {
//     seed = 7; flops = 1M..=5M; stem = cifar(8); classes = 10;
// } }

///
///Drawn from RegNetX.
///
///| network | widths | depths | group widths | flops | params |
///| --- | --- | --- | --- | ---: | ---: |
///| [`Candidate0`] | 24, 40, 80, 136 | 1, 3, 4, 5 | 4, 4, 4, 4 | 2,249,498 | 160,098 |
///| [`Candidate1`] | 32, 32, 64, 128 | 1, 1, 2, 2 | 8, 8, 8, 8 | 1,651,978 | 68,978 |
#[allow(dead_code, unreachable_pub)]
pub mod candidates {
    ///Drawn as `< d=13, w0=24, wa=9.9, wm=1.787, g=4, b=2, se=false >`.
    ///
    ///A RegNetX ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for 3 x 32 x 32 images and 10 classes.
    ///
    ///| stage | blocks | width | group width | output size | params | flops |
    ///| --- | ---: | ---: | ---: | ---: | ---: | ---: |
    ///| stem |  | 8 |  | 32 x 32 | 232 | 221,184 |
    ///| s1 | 1 | 24 | 4 | 16 x 16 | 1,152 | 331,776 |
    ///| s2 | 3 | 40 | 4 | 8 x 8 | 8,160 | 578,560 |
    ///| s3 | 4 | 80 | 4 | 4 x 4 | 34,400 | 604,160 |
    ///| s4 | 5 | 136 | 4 | 2 x 2 | 114,784 | 512,448 |
    ///| head |  | 10 |  | 1 x 1 | 1,370 | 1,370 |
    ///| total | 13 | | | | 160,098 | 2,249,498 |
    #[derive(
        ::regnet::__private::core::fmt::Debug,
        ::regnet::__private::core::clone::Clone,
        ::regnet::__private::core::marker::Copy,
        ::regnet::__private::core::default::Default
    )]
    pub struct Candidate0;
    ///Drawn as `< d=6, w0=24, wa=21, wm=1.761, g=8, b=2, se=false >`.
    ///
    ///A RegNetX ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for 3 x 32 x 32 images and 10 classes.
    ///
    ///| stage | blocks | width | group width | output size | params | flops |
    ///| --- | ---: | ---: | ---: | ---: | ---: | ---: |
    ///| stem |  | 8 |  | 32 x 32 | 232 | 221,184 |
    ///| s1 | 1 | 32 | 8 | 16 x 16 | 2,240 | 622,592 |
    ///| s2 | 1 | 32 | 8 | 8 x 8 | 3,392 | 303,104 |
    ///| s3 | 2 | 64 | 8 | 4 x 4 | 14,464 | 270,336 |
    ///| s4 | 2 | 128 | 8 | 2 x 2 | 47,360 | 233,472 |
    ///| head |  | 10 |  | 1 x 1 | 1,290 | 1,290 |
    ///| total | 6 | | | | 68,978 | 1,651,978 |
    #[derive(
        ::regnet::__private::core::fmt::Debug,
        ::regnet::__private::core::clone::Clone,
        ::regnet::__private::core::marker::Copy,
        ::regnet::__private::core::default::Default
    )]
    pub struct Candidate1;
    /// The number of networks.
    pub const COUNT: ::regnet::__private::core::primitive::usize = 2;
    /// Calls the visitor with each network, in the order they were drawn.
    pub fn visit_all<V: ::regnet::Visitor>(visitor: &mut V) {
        ::regnet::Visitor::visit::<Candidate0>(visitor);
        ::regnet::Visitor::visit::<Candidate1>(visitor);
    }
}
