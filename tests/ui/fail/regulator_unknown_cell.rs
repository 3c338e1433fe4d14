use regnet::{anynet, regnet};

type Misspelt = regnet!(RegNetX-200MF, regulator = ltsm);
type Other = anynet!(depths = [1, 3], widths = [48, 96], regulator = transformer(conv = full));

fn main() {}
