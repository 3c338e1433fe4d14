anynet! {
    pub struct Plain = <
        depths  = [2, 1],
        widths  = [10, 10],
        strides = 2,
        block   = vanilla,
        se      = false,
    >;
    input   = 3 x 224 x 224;
    classes = 2;
    stem    = simple(8);
}
