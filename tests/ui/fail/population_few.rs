use regnet::population;

population! {
    mod few = RegNetX[64] { seed = 7; flops = 3M..=3001K; input = 3 x 32 x 32; classes = 10; stem = cifar(16); }
}

fn main() {}
