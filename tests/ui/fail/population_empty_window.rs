use regnet::population;

population! {
    pub mod nothing = RegNetX[2] { seed = 7; flops = 1..=1K; classes = 10; stem = cifar(16); }
}

population! {
    pub mod contradiction = RegNetY[2] {
        seed    = 7;
        flops   = 80M..=100M;
        params  = ..=60K;
        classes = 10;
        stem    = cifar(16);
    }
}

fn main() {}
