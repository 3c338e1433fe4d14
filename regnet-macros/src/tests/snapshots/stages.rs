// anynet! {
//     struct Small = depths = [2, 2], widths = [16, 32], strides = [1, 2], block = basic;
//     stem = cifar(16); classes = 10;
// }

///
///An AnyNet of basic blocks ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for 3 x 32 x 32 images and 10 classes.
///
///| stage | blocks | width | group width | output size | params | flops |
///| --- | ---: | ---: | ---: | ---: | ---: | ---: |
///| stem |  | 16 |  | 32 x 32 | 464 | 442,368 |
///| s1 | 2 | 16 |  | 32 x 32 | 9,344 | 9,437,184 |
///| s2 | 2 | 32 |  | 16 x 16 | 33,088 | 8,388,608 |
///| head |  | 10 |  | 1 x 1 | 330 | 330 |
///| total | 4 | | | | 43,226 | 18,268,490 |
#[derive(
    ::regnet::__private::core::fmt::Debug,
    ::regnet::__private::core::clone::Clone,
    ::regnet::__private::core::marker::Copy,
    ::regnet::__private::core::default::Default
)]
struct Small;
#[allow(dead_code)]
#[automatically_derived]
impl Small {
    /// Number of blocks.
    const DEPTH: ::regnet::__private::core::primitive::usize = 4;
    /// Blocks of each stage.
    const STAGE_DEPTHS: [::regnet::__private::core::primitive::usize; 2] = [2, 2];
    /// Channels out of each stage.
    const STAGE_WIDTHS: [::regnet::__private::core::primitive::usize; 2] = [16, 32];
    /// Channels in each group of a stage's 3x3 convolutions.
    const GROUP_WIDTHS: [::regnet::__private::core::primitive::usize; 2] = [16, 32];
    /// Channels of a stage's 3x3 convolutions.
    const INNER_WIDTHS: [::regnet::__private::core::primitive::usize; 2] = [16, 32];
    /// Stride of each stage.
    const STRIDES: [::regnet::__private::core::primitive::usize; 2] = [1, 2];
    /// Channels, height and width of the images it was declared for.
    const INPUT: [::regnet::__private::core::primitive::usize; 3] = [3, 32, 32];
    /// Number of classes.
    const CLASSES: ::regnet::__private::core::primitive::usize = 10;
    /// Multiply-adds for one image of size [`INPUT`](Self::INPUT).
    const FLOPS: ::regnet::__private::core::primitive::u64 = 18268490;
    /// Trained numbers.
    const PARAMS: ::regnet::__private::core::primitive::u64 = 43226;
    /// Values out of convolutions, max pooling and the head, for one image of size [`INPUT`](Self::INPUT).
    const ACTS: ::regnet::__private::core::primitive::u64 = 122890;
}
#[automatically_derived]
impl ::regnet::Declared for Small {
    type Network = ::regnet::builders::RegNet<
        ::regnet::builders::CifarStem<3, 16>,
        (
            ::regnet::builders::Stage<
                ::regnet::builders::BasicNext<16>,
                ::regnet::builders::BasicNext<16>,
                2,
            >,
            ::regnet::builders::BasicStage<2, 16, 32, 2>,
        ),
        ::regnet::builders::Head<32, 10>,
    >;
    const INPUT: [::regnet::__private::core::primitive::usize; 3] = Small::INPUT;
    fn spec() -> ::regnet::__private::space::AnyNet {
        ::regnet::__private::space::AnyNet {
            input_channels: 3,
            stem: ::regnet::__private::space::Stem {
                kind: ::regnet::__private::space::StemKind::Cifar,
                width: 16,
            },
            block: ::regnet::__private::space::Block::Basic,
            stages: ::regnet::__private::core::convert::From::from([
                ::regnet::__private::space::Stage {
                    depth: 2,
                    width: 16,
                    stride: 1,
                    bottleneck: ::regnet::__private::space::Bottleneck::reduces(1),
                    group_width: 16,
                },
                ::regnet::__private::space::Stage {
                    depth: 2,
                    width: 32,
                    stride: 2,
                    bottleneck: ::regnet::__private::space::Bottleneck::reduces(1),
                    group_width: 32,
                },
            ]),
            se: ::regnet::__private::core::option::Option::None,
            regulator: ::regnet::__private::core::option::Option::None,
            classes: 10,
        }
    }
}
#[automatically_derived]
impl<__Device, __Dtype> ::regnet::__private::dfdx::nn::BuildOnDevice<__Device, __Dtype>
for Small
where
    __Dtype: ::regnet::__private::dfdx::dtypes::Dtype,
    __Device: ::regnet::__private::dfdx::tensor_ops::Device<__Dtype>,
    <Small as ::regnet::Declared>::Network: ::regnet::__private::dfdx::nn::BuildOnDevice<
        __Device,
        __Dtype,
    >,
{
    type Built = <<Small as ::regnet::Declared>::Network as ::regnet::__private::dfdx::nn::BuildOnDevice<
        __Device,
        __Dtype,
    >>::Built;
    fn try_build_on_device(
        device: &__Device,
    ) -> ::regnet::__private::core::result::Result<Self::Built, __Device::Err> {
        <<Small as ::regnet::Declared>::Network as ::regnet::__private::dfdx::nn::BuildOnDevice<
            __Device,
            __Dtype,
        >>::try_build_on_device(device)
    }
}
