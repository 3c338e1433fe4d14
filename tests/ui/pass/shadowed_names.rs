//! Nothing that a user can define stands in the way.

#![allow(dead_code, non_camel_case_types, unused_macros)]

mod std {}
mod core {}
mod alloc {}
mod dfdx {}
struct Option;
struct Some;
struct Result;
struct Ok;
struct Vec;
struct Default;
struct Debug;
struct Clone;
struct From;
struct RegNet;
struct Head;
struct D;
struct E;
type usize = ();
type u64 = ();
macro_rules! vec {
    () => {};
}

use ::regnet::regnet;

type Net = regnet!(< d=16, w0=48, wa=37, wm=2.2, g=24, b=1, se=true >);

regnet! {
    pub struct Declared = RegNetY-400MF;
    classes = 10;
}

fn main() {
    assert_eq!(Declared::CLASSES, <Declared as ::regnet::Declared>::spec().classes);
    assert_eq!(<Net as ::regnet::Declared>::spec().classes, 1000);
}
