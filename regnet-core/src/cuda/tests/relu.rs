use super::*;
use crate::cuda::ops::relu;

#[test]
fn relu_and_its_gradient() {
    let mut x = Generator(1).numbers::<f32>(5000);
    (x[7], x[8]) = (f32::NAN, 0.0);
    let (dy, before) = (Generator(2).numbers(5000), Generator(3).numbers(5000));
    let (mut y, mut dx) = (vec![0.0; 5000], before.clone());
    regnet_engine::relu::forward(&x, &mut y);
    regnet_engine::relu::backward(&y, &dy, &mut dx);

    let mut actual = room::<f32>(5000);
    run(relu::forward(&Emulator, on_device(&x).view(), actual.view_mut()));
    assert!(actual.slice()[7].is_nan() && y[7].is_nan());
    assert_eq!(actual.slice()[8..], y[8..]);
    let mut gradient = on_device(&before);
    run(relu::backward(&Emulator, on_device(&y).view(), on_device(&dy).view(), gradient.view_mut()));
    assert_eq!(gradient.slice(), dx);
}
