// population! { pub mod candidates = RegNetX[2] {
//     seed = 7; flops = 1M..=5M; stem = cifar(8); classes = 10;
// } }

///
///Drawn from RegNetX.
///
///| network | widths | depths | group widths | flops | params |
///| --- | --- | --- | --- | ---: | ---: |
///| [`Candidate0`] | 16, 32, 64, 120 | 1, 2, 4, 6 | 8, 8, 8, 8 | 3,314,106 | 295,410 |
///| [`Candidate1`] | 24, 56, 120, 256 | 1, 1, 2, 3 | 2, 2, 2, 2 | 4,701,194 | 482,370 |
#[allow(dead_code, unreachable_pub)]
pub mod candidates {
    ///Drawn as `< d=13, w0=16, wa=11.7, wm=1.974, g=8, b=1, se=false >`.
    ///
    ///A RegNetX ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for 3 x 32 x 32 images and 10 classes.
    ///
    ///| stage | blocks | width | group width | output size | params | flops |
    ///| --- | ---: | ---: | ---: | ---: | ---: | ---: |
    ///| stem |  | 8 |  | 32 x 32 | 232 | 221,184 |
    ///| s1 | 1 | 16 | 8 | 16 x 16 | 1,792 | 524,288 |
    ///| s2 | 2 | 32 | 8 | 8 x 8 | 9,152 | 655,360 |
    ///| s3 | 4 | 64 | 8 | 4 x 4 | 52,864 | 917,504 |
    ///| s4 | 6 | 120 | 8 | 2 x 2 | 230,160 | 994,560 |
    ///| head |  | 10 |  | 1 x 1 | 1,210 | 1,210 |
    ///| total | 13 | | | | 295,410 | 3,314,106 |
    #[derive(
        ::regnet::__private::core::fmt::Debug,
        ::regnet::__private::core::clone::Clone,
        ::regnet::__private::core::marker::Copy,
        ::regnet::__private::core::default::Default
    )]
    pub struct Candidate0;
    ///Drawn as `< d=7, w0=24, wa=38, wm=2.2, g=2, b=1, se=false >`.
    ///
    ///A RegNetX ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for 3 x 32 x 32 images and 10 classes.
    ///
    ///| stage | blocks | width | group width | output size | params | flops |
    ///| --- | ---: | ---: | ---: | ---: | ---: | ---: |
    ///| stem |  | 8 |  | 32 x 32 | 232 | 221,184 |
    ///| s1 | 1 | 24 | 2 | 16 x 16 | 1,584 | 503,808 |
    ///| s2 | 1 | 56 | 2 | 8 x 8 | 7,280 | 695,296 |
    ///| s3 | 2 | 120 | 2 | 4 x 4 | 62,640 | 1,297,920 |
    ///| s4 | 3 | 256 | 2 | 2 x 2 | 408,064 | 1,980,416 |
    ///| head |  | 10 |  | 1 x 1 | 2,570 | 2,570 |
    ///| total | 7 | | | | 482,370 | 4,701,194 |
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
