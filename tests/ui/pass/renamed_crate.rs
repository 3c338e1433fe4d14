//! The crate under another name, as with `nets = { package = "regnet" }`.

extern crate regnet as nets;

mod regnet {}

use nets::{Declared, regnet as declare};

type Net = nets::regnet!(RegNetX-200MF, classes = 10);

declare! { pub struct Named = RegNetX-200MF; classes = 10; }

fn main() {
    assert_eq!(Net::spec(), Named::spec());
}
