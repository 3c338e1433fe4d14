use regnet::self_regulated;

type Between = self_regulated!(depth = 21);
type Missing = self_regulated!(cell = gru);
type Fraction = self_regulated!(depth = 20.5);

fn main() {}
