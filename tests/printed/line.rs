regnet! {
    pub struct Line = < d=8, w0=24, wa=22, wm=2.28, g=8, b=1, se=true >;
    input   = 3 x 32 x 32;
    classes = 10;
    stem    = cifar(16);
}
