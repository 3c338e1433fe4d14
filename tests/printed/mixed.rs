anynet! {
    pub struct Mixed = <
        depths     = [1, 4, 2],
        widths     = [48, 36, 64],
        strides    = [1, 2, 2],
        block      = bottleneck,
        bottleneck = [0.3333333333333333, 1, 4],
        groups     = [16, 12, 16],
        se         = 0.15,
    >;
    input   = 1 x 96 x 128;
    classes = 38;
    stem    = resnet(24);
}
