anynet! {
    pub struct Basic = <
        depths  = [3, 3],
        widths  = [16, 40],
        strides = [1, 2],
        block   = basic,
        se      = false,
    >;
    input   = 3 x 32 x 32;
    classes = 10;
    stem    = cifar(16);
}
