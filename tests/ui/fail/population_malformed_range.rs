use regnet::population;

population! {
    pub mod candidates = RegNetX[2] {
        seed   = 7;
        flops  = 100M;
        params = 1M..2M;
        acts   = 1Q..=2Q;
    }
}

fn main() {}
