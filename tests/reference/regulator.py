"""Self-regulated networks (Xu et al., arXiv 2101.00590) of PyTorch's layers, written from their equations.

Every convolution over concat[X, H] is done as one, over the concatenation, with one weight. Only where the regulator
has to bring X to its stage's resolution is there no such convolution: there X and H are convolved apart, X with the
stride, and added.
"""

import torch
from torch import nn
from torch.nn import functional

from stems import stem

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
BN_EPSILON, BN_MOMENTUM = 1e-5, 0.1


def conv(width_in: int, out: int, kernel: int, stride: int = 1, group_width: int = 0) -> nn.Module:
    groups = width_in // group_width if group_width else 1
    return nn.Conv2d(width_in, out, kernel, stride, kernel // 2, groups=groups, bias=False)


class Weight(nn.Module):
    """A tensor that is called `weight`."""

    def __init__(self, *shape: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))


class Regulator(nn.Module):
    """A cell and the scale and shift of its norm, whose statistics are the blocks'."""

    def __init__(self, cell: str, n: int):
        super().__init__()
        self.cell, self.n = cell, n
        self.bias = nn.Parameter(torch.zeros(GATES[cell] * n))
        self.bn = Norm(2 * n if cell == "lstm" else n)

    def zero(self, x, stride: int) -> tuple:
        """The state before the first block."""
        height, width = [-(-side // stride) for side in x.shape[2:]]
        state = x.new_zeros(x.shape[0], self.n, height, width)
        return state, state if self.cell == "lstm" else None

    def rows(self, gate: int) -> slice:
        """The part of a tensor that belongs to a gate."""
        return slice(gate * self.n, (gate + 1) * self.n)

    def step(self, x, state: tuple, stride: int) -> tuple:
        """H', C' before they are normalised."""
        h, c = state
        match self.cell:
            case "rnn":
                return torch.tanh(self.gate(0, x, h, stride)), None
            case "gru":
                z = torch.sigmoid(self.gate(0, x, h, stride))
                r = torch.sigmoid(self.gate(1, x, h, stride))
                candidate = torch.tanh(self.gate(2, x, r * h, stride))
                return (1 - z) * h + z * candidate, None
            case "lstm":
                i, f, o = [torch.sigmoid(self.gate(index, x, h, stride)) for index in range(3)]
                c = f * c + i * torch.tanh(self.gate(3, x, h, stride))
                return o * torch.tanh(c), c

    def forward(self, x, state, stride: int, running: nn.Module) -> tuple:
        h, c = self.step(x, state or self.zero(x, stride), stride)
        joined = h if c is None else torch.cat([h, c], 1)
        rectified = functional.relu(functional.batch_norm(
            joined, running.running_mean, running.running_var, self.bn.weight, self.bn.bias,
            running.training, BN_MOMENTUM, BN_EPSILON,
        ))
        return rectified[:, : self.n], None if c is None else rectified[:, self.n :]


class Full(Regulator):
    """A 3x3 convolution of 2N to N channels for each gate."""

    def __init__(self, cell: str, n: int):
        super().__init__(cell, n)
        self.x = Weight(GATES[cell] * n, n, 3, 3)
        self.h = Weight(GATES[cell] * n, n, 3, 3)

    def gate(self, index: int, x, h, stride: int):
        rows = self.rows(index)
        of_x, of_h, bias = self.x.weight[rows], self.h.weight[rows], self.bias[rows]
        if stride == 1:
            return functional.conv2d(torch.cat([x, h], 1), torch.cat([of_x, of_h], 1), bias, padding=1)
        return functional.conv2d(x, of_x, bias, stride, 1) + functional.conv2d(h, of_h, None, 1, 1)


class Efficient(Regulator):
    """For each gate a grouped 1x1 convolution, whose group n sees X_n and H_n, then a grouped 3x3 one; N groups."""

    def __init__(self, cell: str, n: int):
        super().__init__(cell, n)
        self.x_scale = nn.Parameter(torch.zeros(GATES[cell] * n))
        self.h_scale = nn.Parameter(torch.zeros(GATES[cell] * n))
        self.spatial = Weight(GATES[cell] * n, 1, 3, 3)

    def gate(self, index: int, x, h, stride: int):
        n, rows = self.n, self.rows(index)
        fuse = torch.stack([self.x_scale[rows], self.h_scale[rows]], 1)[:, :, None, None]
        spatial, bias = self.spatial.weight[rows], self.bias[rows]
        if stride == 1:
            # X_0, H_0, X_1, H_1, ...
            pairs = torch.stack([x, h], 2).flatten(1, 2)
            fused = functional.conv2d(pairs, fuse, groups=n)
            return functional.conv2d(fused, spatial, bias, padding=1, groups=n)
        of_x = functional.conv2d(x, fuse[:, :1], groups=n)
        of_h = functional.conv2d(h, fuse[:, 1:], groups=n)
        of_x = functional.conv2d(of_x, spatial, bias, stride, 1, groups=n)
        return of_x + functional.conv2d(of_h, spatial, None, 1, 1, groups=n)


FORMS = {"full": Full, "efficient": Efficient}


class Carry(nn.Module):
    """Brings the state of one stage to the next one's width and resolution, each of its maps by itself."""

    def __init__(self, cell: str, before: int, n: int, stride: int):
        super().__init__()
        maps = 2 if cell == "lstm" else 1
        self.stride, self.maps = stride, maps
        self.weight = nn.Parameter(torch.zeros(maps * n, before, 1, 1))

    def forward(self, state: tuple) -> tuple:
        h, c = state
        joined = h if c is None else torch.cat([h, c], 1)
        maps = functional.conv2d(joined, self.weight, None, self.stride, groups=self.maps).chunk(self.maps, 1)
        return maps[0], None if c is None else maps[1]


class Norm(nn.Module):
    """The scale and shift of a batch norm."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))


class Statistics(nn.Module):
    """The running statistics of a batch norm."""

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))


class SqueezeExcite(nn.Module):
    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.f_ex = nn.Sequential(nn.Conv2d(width, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, width, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.f_ex(x.mean((2, 3), keepdim=True))


class Branch(nn.Module):
    """The layers of a block beside its shortcut and its regulator."""

    def __init__(self, kind: str, width_in: int, out: int, inner: int, group_width: int, stride: int, se_width: int):
        super().__init__()
        basic = kind == "basic"
        self.a = conv(width_in, inner, 3 if basic else 1, stride if basic else 1)
        self.a_bn = nn.BatchNorm2d(inner)
        self.b = conv(inner, inner, 3) if basic else conv(inner, inner, 3, stride, group_width)
        self.b_bn = nn.BatchNorm2d(inner)
        self.fuse = conv(2 * inner, inner, 1)
        self.fuse_bn = nn.BatchNorm2d(inner)
        if not basic:
            self.c = conv(inner, out, 1)
            self.c_bn = nn.BatchNorm2d(out)
        self.se = SqueezeExcite(out, se_width) if se_width else nn.Identity()


class Block(nn.Module):
    """A regulated basic or bottleneck block; with its own regulator, or lent one."""

    def __init__(self, kind, cell, width_in, out, inner, group_width, stride, se_width, own=None):
        super().__init__()
        self.f = Branch(kind, width_in, out, inner, group_width, stride, se_width)
        if own:
            self.f.r = own
        self.f.r_bn = Statistics(2 * inner if cell == "lstm" else inner)
        if width_in != out or stride != 1:
            self.proj = conv(width_in, out, 1, stride)
            self.bn = nn.BatchNorm2d(out)
        self.kind, self.stride = kind, stride

    def forward(self, x1, state, lent=None) -> tuple:
        regulator = lent or self.f.r
        shortcut = self.bn(self.proj(x1)) if hasattr(self, "proj") else x1
        run = self.basic if self.kind == "basic" else self.bottleneck
        last, state = run(x1, state, regulator)
        return torch.relu(shortcut + self.f.se(last)), state

    def basic(self, x1, state, regulator) -> tuple:
        f = self.f
        x2 = torch.relu(f.a_bn(f.a(x1)))
        state = regulator(x2, state, 1, f.r_bn)
        x3 = torch.relu(f.fuse_bn(f.fuse(torch.cat([x2, state[0]], 1))))
        return f.b_bn(f.b(x3)), state

    def bottleneck(self, x1, state, regulator) -> tuple:
        f = self.f
        x2 = torch.relu(f.a_bn(f.a(x1)))
        state = regulator(x2, state, self.stride, f.r_bn)
        x3 = torch.relu(f.b_bn(f.b(x2)))
        x4 = torch.relu(f.fuse_bn(f.fuse(torch.cat([x3, state[0]], 1))))
        return f.c_bn(f.c(x4)), state


class PlainBasic(nn.Module):
    """A basic block without a regulator, with squeeze-and-excitation after its last convolution."""

    def __init__(self, width_in: int, out: int, stride: int, se_width: int):
        super().__init__()
        self.f = Branch("basic", width_in, out, out, 0, stride, se_width)
        del self.f.fuse, self.f.fuse_bn
        if width_in != out or stride != 1:
            self.proj = conv(width_in, out, 1, stride)
            self.bn = nn.BatchNorm2d(out)

    def forward(self, x):
        f = self.f
        shortcut = self.bn(self.proj(x)) if hasattr(self, "proj") else x
        return torch.relu(shortcut + f.se(f.b_bn(f.b(torch.relu(f.a_bn(f.a(x)))))))


class Stages(nn.Module):
    """Regulated stages `s1`, `s2`, ...; `spec` is the configuration of a case (README.md)."""

    def __init__(self, spec: dict):
        super().__init__()
        self.depths, self.carries = spec["depths"], spec["carry"]
        width_in, before = spec["in"], None
        rows = zip(spec["depths"], spec["widths"], spec["strides"], spec["inner_widths"], spec["group_widths"])
        for number, (depth, width, stride, inner, group_width) in enumerate(rows, 1):
            form, shared = FORMS[spec["conv"]], spec["share"] == "stage"
            stage = nn.Module()
            if shared:
                stage.r = form(spec["cell"], inner)
            if spec["carry"] and before:
                stage.carry = Carry(spec["cell"], before, inner, stride)
            for block in range(1, depth + 1):
                # Python's round is half to even, as the project's.
                se_width = round(width_in * spec["se_ratio"])
                own = None if shared else form(spec["cell"], inner)
                setattr(stage, f"b{block}", Block(
                    spec["block"], spec["cell"], width_in, width, inner, group_width,
                    stride if block == 1 else 1, se_width, own,
                ))
                width_in = width
            setattr(self, f"s{number}", stage)
            before = inner
        self.lends = spec["share"] == "stage"

    def forward(self, x):
        state = None
        for number, depth in enumerate(self.depths, 1):
            stage = getattr(self, f"s{number}")
            state = stage.carry(state) if state and self.carries else None
            for block in range(1, depth + 1):
                x, state = getattr(stage, f"b{block}")(x, state, stage.r if self.lends else None)
        return x


class Network(Stages):
    """A stem, regulated stages, global average pooling and one linear layer."""

    def __init__(self, spec: dict):
        super().__init__(spec | {"in": spec["stem_width"]})
        self.stem = stem(spec["stem"], spec["stem_width"])
        self.head = nn.Module()
        self.head.fc = nn.Linear(spec["widths"][-1], spec["classes"])

    def forward(self, x):
        return self.head.fc(super().forward(self.stem(x)).mean((2, 3)))


def parameters(module: nn.Module) -> int:
    """Trained numbers, each once."""
    return sum(parameter.numel() for parameter in module.parameters())
