use regnet::population;

population! {
    pub mod candidates = RegNetX[2] {
        sead    = 7;
        flop    = 4M..=6M;
        d       = 16;
        clases  = 10;
        classes = 10;
        classes = 100;
    }
}

fn main() {}
