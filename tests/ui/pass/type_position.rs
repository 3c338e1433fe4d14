//! Every spelling of one network, as one type.

use std::marker::PhantomData;

use regnet::regnet;

type Net = regnet!(< d=16, w0=48, wa=37, wm=2.2, g=24, b=1, se=true >);

fn same(_: PhantomData<Net>) {}

fn main() {
    same(PhantomData::<regnet!(d=16, w0=48, wa=37, wm=2.2, g=24, b=1, se=true)>);
    same(PhantomData::<regnet![d=16, w0=48, wa=37, wm=2.2, g=24, b=1, se=true,]>);
    same(PhantomData::<regnet!{<se=true,b=1,g=24,wm=2.2,wa=37,w0=48,d=16>}>);
    same(PhantomData::<regnet!(< d = 16, w0 = 48, wa = 37.0, wm = 2.20, g = 24, se = 0.25, >)>);
    same(PhantomData::<regnet!(< d=0x10, w0=4_8, wa=3.7e1, wm=2.2, g=24, b=1.0, se=true >, classes = 1000)>);
    same(PhantomData::<regnet!(< d=16, w0=48, wa=37, wm=2.2, g=24, se=true, classes=1000 >, stem = simple,)>);
    same(PhantomData::<regnet!(< d=16, w0=48, wa=37, wm=2.2, g=24, se=true >, input = 3 x 224 x 224)>);
    same(PhantomData::<regnet!(< d=16, w0=48, wa=37, wm=2.2, g=24, se=true >, input = 3x96x96, space = any)>);
}
