use regnet::regnet;

regnet! {
    pub type Net = RegNetX-200MF;
    classes = 10;
}

fn main() {}
