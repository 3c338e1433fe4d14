// self_regulated! {
//     /// The paper's smallest.
//     pub struct Small = < depth = 8, cell = gru, carry = true >;
//     classes = 10; budget = flops <= 50M;
// }

/// The paper's smallest.
///
///A ResNet-8 ([arXiv 1512.03385](https://arxiv.org/abs/1512.03385)), regulated by `gru(carry = true)` ([arXiv 2101.00590](https://arxiv.org/abs/2101.00590)), for 3 x 32 x 32 images and 10 classes.
///
///| stage | blocks | width | group width | regulator | output size | params | flops |
///| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
///| stem |  | 16 |  |  | 32 x 32 | 464 | 442,368 |
///| s1 | 1 | 16 |  | gru of 16 | 32 x 32 | 19,120 | 12,369,920 |
///| s2 | 1 | 32 |  | gru of 32 | 16 x 16 | 72,608 | 18,505,728 |
///| s3 | 1 | 64 |  | gru of 64 | 8 x 8 | 289,600 | 18,493,440 |
///| head |  | 10 |  |  | 1 x 1 | 650 | 650 |
///| total | 3 | | | | | 382,442 | 49,812,106 |
///
///| budget | limit | network | used |
///| --- | ---: | ---: | ---: |
///| flops | 50M | 49.81M | 100 % |
#[derive(
    ::regnet::__private::core::fmt::Debug,
    ::regnet::__private::core::clone::Clone,
    ::regnet::__private::core::marker::Copy,
    ::regnet::__private::core::default::Default
)]
pub struct Small;
#[allow(dead_code)]
#[automatically_derived]
impl Small {
    /// Number of blocks.
    pub const DEPTH: ::regnet::__private::core::primitive::usize = 3;
    /// Blocks of each stage.
    pub const STAGE_DEPTHS: [::regnet::__private::core::primitive::usize; 3] = [1, 1, 1];
    /// Channels out of each stage.
    pub const STAGE_WIDTHS: [::regnet::__private::core::primitive::usize; 3] = [
        16, 32, 64,
    ];
    /// Channels in each group of a stage's 3x3 convolutions.
    pub const GROUP_WIDTHS: [::regnet::__private::core::primitive::usize; 3] = [
        16, 32, 64,
    ];
    /// Channels of a stage's 3x3 convolutions.
    pub const INNER_WIDTHS: [::regnet::__private::core::primitive::usize; 3] = [
        16, 32, 64,
    ];
    /// Stride of each stage.
    pub const STRIDES: [::regnet::__private::core::primitive::usize; 3] = [1, 2, 2];
    /// Channels, height and width of the images it was declared for.
    pub const INPUT: [::regnet::__private::core::primitive::usize; 3] = [3, 32, 32];
    /// Number of classes.
    pub const CLASSES: ::regnet::__private::core::primitive::usize = 10;
    /// Multiply-adds for one image of size [`INPUT`](Self::INPUT).
    pub const FLOPS: ::regnet::__private::core::primitive::u64 = 49812106;
    /// Trained numbers.
    pub const PARAMS: ::regnet::__private::core::primitive::u64 = 382442;
    /// Values out of convolutions, max pooling and the head, for one image of size [`INPUT`](Self::INPUT).
    pub const ACTS: ::regnet::__private::core::primitive::u64 = 213002;
}
#[automatically_derived]
impl ::regnet::Declared for Small {
    type Network = ::regnet::builders::RegNet<
        ::regnet::builders::CifarStem<3, 16>,
        (
            ::regnet::builders::RegulatedStage<
                ::regnet::builders::FullRegulator<::regnet::builders::Gru, 16>,
                ::regnet::builders::NoCarry,
                ::regnet::builders::RegulatedBasicNext<
                    1,
                    16,
                    ::regnet::builders::Lent,
                    ::regnet::builders::NoExcite,
                >,
                ::regnet::builders::RegulatedBasicNext<
                    1,
                    16,
                    ::regnet::builders::Lent,
                    ::regnet::builders::NoExcite,
                >,
                1,
            >,
            ::regnet::builders::RegulatedStage<
                ::regnet::builders::FullRegulator<::regnet::builders::Gru, 32>,
                ::regnet::builders::Carry<1, 16, 32, 2>,
                ::regnet::builders::RegulatedBasicBlock<
                    1,
                    16,
                    32,
                    2,
                    ::regnet::builders::Lent,
                    ::regnet::builders::NoExcite,
                >,
                ::regnet::builders::RegulatedBasicNext<
                    1,
                    32,
                    ::regnet::builders::Lent,
                    ::regnet::builders::NoExcite,
                >,
                1,
            >,
            ::regnet::builders::RegulatedStage<
                ::regnet::builders::FullRegulator<::regnet::builders::Gru, 64>,
                ::regnet::builders::Carry<1, 32, 64, 2>,
                ::regnet::builders::RegulatedBasicBlock<
                    1,
                    32,
                    64,
                    2,
                    ::regnet::builders::Lent,
                    ::regnet::builders::NoExcite,
                >,
                ::regnet::builders::RegulatedBasicNext<
                    1,
                    64,
                    ::regnet::builders::Lent,
                    ::regnet::builders::NoExcite,
                >,
                1,
            >,
        ),
        ::regnet::builders::Head<64, 10>,
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
                    depth: 1,
                    width: 16,
                    stride: 1,
                    bottleneck: ::regnet::__private::space::Bottleneck::reduces(1),
                    group_width: 16,
                },
                ::regnet::__private::space::Stage {
                    depth: 1,
                    width: 32,
                    stride: 2,
                    bottleneck: ::regnet::__private::space::Bottleneck::reduces(1),
                    group_width: 32,
                },
                ::regnet::__private::space::Stage {
                    depth: 1,
                    width: 64,
                    stride: 2,
                    bottleneck: ::regnet::__private::space::Bottleneck::reduces(1),
                    group_width: 64,
                },
            ]),
            se: ::regnet::__private::core::option::Option::None,
            regulator: ::regnet::__private::core::option::Option::Some(::regnet::__private::space::Regulator {
                cell: ::regnet::__private::space::Cell::Gru,
                conv: ::regnet::__private::space::CellConv::Full,
                share: ::regnet::__private::space::Share::Stage,
                carry: true,
            }),
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
