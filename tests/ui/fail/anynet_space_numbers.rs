use regnet::anynet;

type NetA = anynet!(depths = [1, 3], widths = [48, 96], block = basic, space = AnyNetXA);
type NetB = anynet!(depths = [1, 3], widths = [48, 96], bottleneck = [1, 3], groups = 8, space = AnyNetXA);
type NetC = anynet!(depths = [1, 3], widths = [48, 96], groups = [8, 24], space = AnyNetXA);

fn main() {}
