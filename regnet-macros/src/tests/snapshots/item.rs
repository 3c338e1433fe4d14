// regnet! {
//     /// Leaves.
//     pub struct Leaf = < d=3, w0=24, wa=24, wm=2.5, g=8, se=true >;
//     input = 3 x 32 x 32; classes = 10; stem = cifar(16);
//     budget = flops <= 10M, params <= 100K;
// }

/// Leaves.
///
///A RegNetY ([arXiv 2003.13678](https://arxiv.org/abs/2003.13678)) for 3 x 32 x 32 images and 10 classes.
///
///| stage | blocks | width | group width | output size | params | flops |
///| --- | ---: | ---: | ---: | ---: | ---: | ---: |
///| stem |  | 16 |  | 32 x 32 | 464 | 442,368 |
///| s1 | 1 | 24 | 8 | 16 x 16 | 3,484 | 1,081,564 |
///| s2 | 2 | 64 | 8 | 8 x 8 | 28,438 | 1,870,742 |
///| head |  | 10 |  | 1 x 1 | 650 | 650 |
///| total | 3 | | | | 33,036 | 3,395,324 |
///
///| budget | limit | network | used |
///| --- | ---: | ---: | ---: |
///| flops | 10M | 3.395M | 34 % |
///| params | 100K | 33.04K | 33 % |
#[derive(
    ::regnet::__private::core::fmt::Debug,
    ::regnet::__private::core::clone::Clone,
    ::regnet::__private::core::marker::Copy,
    ::regnet::__private::core::default::Default
)]
pub struct Leaf;
#[allow(dead_code)]
#[automatically_derived]
impl Leaf {
    /// Number of blocks.
    pub const DEPTH: ::regnet::__private::core::primitive::usize = 3;
    /// Blocks of each stage.
    pub const STAGE_DEPTHS: [::regnet::__private::core::primitive::usize; 2] = [1, 2];
    /// Channels out of each stage.
    pub const STAGE_WIDTHS: [::regnet::__private::core::primitive::usize; 2] = [24, 64];
    /// Channels in each group of a stage's 3x3 convolutions.
    pub const GROUP_WIDTHS: [::regnet::__private::core::primitive::usize; 2] = [8, 8];
    /// Channels of a stage's 3x3 convolutions.
    pub const INNER_WIDTHS: [::regnet::__private::core::primitive::usize; 2] = [24, 64];
    /// Stride of each stage.
    pub const STRIDES: [::regnet::__private::core::primitive::usize; 2] = [2, 2];
    /// Channels, height and width of the images it was declared for.
    pub const INPUT: [::regnet::__private::core::primitive::usize; 3] = [3, 32, 32];
    /// Number of classes.
    pub const CLASSES: ::regnet::__private::core::primitive::usize = 10;
    /// Multiply-adds for one image of size [`INPUT`](Self::INPUT).
    pub const FLOPS: ::regnet::__private::core::primitive::u64 = 3395324;
    /// Trained numbers.
    pub const PARAMS: ::regnet::__private::core::primitive::u64 = 33036;
    /// Values out of convolutions, max pooling and the head, for one image of size [`INPUT`](Self::INPUT).
    pub const ACTS: ::regnet::__private::core::primitive::u64 = 100540;
}
#[automatically_derived]
impl ::regnet::Declared for Leaf {
    type Network = ::regnet::builders::RegNet<
        ::regnet::builders::CifarStem<3, 16>,
        (
            ::regnet::builders::YStage<1, 16, 24, 24, 8, 2, 4, 6>,
            ::regnet::builders::YStage<2, 24, 64, 64, 8, 2, 6, 16>,
        ),
        ::regnet::builders::Head<64, 10>,
    >;
    const INPUT: [::regnet::__private::core::primitive::usize; 3] = Leaf::INPUT;
    fn spec() -> ::regnet::__private::space::AnyNet {
        ::regnet::__private::space::AnyNet {
            input_channels: 3,
            stem: ::regnet::__private::space::Stem {
                kind: ::regnet::__private::space::StemKind::Cifar,
                width: 16,
            },
            block: ::regnet::__private::space::Block::Bottleneck,
            stages: ::regnet::__private::core::convert::From::from([
                ::regnet::__private::space::Stage {
                    depth: 1,
                    width: 24,
                    stride: 2,
                    bottleneck: ::regnet::__private::space::Bottleneck::reduces(1),
                    group_width: 8,
                },
                ::regnet::__private::space::Stage {
                    depth: 2,
                    width: 64,
                    stride: 2,
                    bottleneck: ::regnet::__private::space::Bottleneck::reduces(1),
                    group_width: 8,
                },
            ]),
            se: ::regnet::__private::core::option::Option::Some(0.25),
            regulator: ::regnet::__private::core::option::Option::None,
            classes: 10,
        }
    }
}
#[automatically_derived]
impl<__Device, __Dtype> ::regnet::__private::dfdx::nn::BuildOnDevice<__Device, __Dtype>
for Leaf
where
    __Dtype: ::regnet::__private::dfdx::dtypes::Dtype,
    __Device: ::regnet::__private::dfdx::tensor_ops::Device<__Dtype>,
    <Leaf as ::regnet::Declared>::Network: ::regnet::__private::dfdx::nn::BuildOnDevice<
        __Device,
        __Dtype,
    >,
{
    type Built = <<Leaf as ::regnet::Declared>::Network as ::regnet::__private::dfdx::nn::BuildOnDevice<
        __Device,
        __Dtype,
    >>::Built;
    fn try_build_on_device(
        device: &__Device,
    ) -> ::regnet::__private::core::result::Result<Self::Built, __Device::Err> {
        <<Leaf as ::regnet::Declared>::Network as ::regnet::__private::dfdx::nn::BuildOnDevice<
            __Device,
            __Dtype,
        >>::try_build_on_device(device)
    }
}
