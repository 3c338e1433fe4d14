use regnet::anynet;

type NetA = anynet!(depths = [1, 3], widths = [48, 96], block = y);
type NetB = anynet!(depths = [1, 3], widths = [48, 96], block = residual);

fn main() {}
