"""Computes the self-regulated fixtures a second time, by numpy alone.

    python witness_regulated.py

The convolution over concat[X, H] is evaluated as the sum of two, over X and over H.
"""

import numpy as np

from formula import read, tensor
from witness import BN_EPSILON, BN_MOMENTUM, Evaluation, check_case, cross_entropy, relu

FILES = ("cells.json", "regulated_blocks.json", "se_blocks.json", "regulated_stages.json", "regulated_networks.json")
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def per_channel(values):
    return values[:, None, None]


class Regulated(Evaluation):
    """One forward pass over formula values."""

    def half(self, which, x, r, n, case, stride):
        """All gates' convolution of X or H."""
        rows = GATES[case["cell"]] * n
        if case["conv"] == "full":
            return self.conv(x, f"{r}{which}", rows, 3, stride, n)
        scaled = np.tile(x, (1, GATES[case["cell"]], 1, 1)) * per_channel(self.get(f"{r}{which}_scale", (rows,)))
        return self.conv(scaled, f"{r}spatial", rows, 3, stride, 1)

    def cell(self, x, state, r, case, stride):
        """H', or H' and C'."""
        n, rows = x.shape[1], GATES[case["cell"]] * x.shape[1]
        of_x = self.half("x", x, r, n, case, stride) + per_channel(self.get(f"{r}bias", (rows,)))
        zero = np.zeros((x.shape[0], n, *of_x.shape[2:]))
        h, c = [*(state or [zero]), zero][:2]
        gates = of_x + self.half("h", h, r, n, case, 1)
        if case["cell"] == "rnn":
            return [np.tanh(gates)]
        if case["cell"] == "gru":
            z, reset = sigmoid(gates[:, :n]), sigmoid(gates[:, n : 2 * n])
            of_h = self.half("h", reset * h, r, n, case, 1)
            candidate = np.tanh((of_x + of_h)[:, 2 * n :])
            return [h + z * (candidate - h)]
        i, f, o = (sigmoid(gates[:, gate * n : (gate + 1) * n]) for gate in range(3))
        c = f * c + i * np.tanh(gates[:, 3 * n :])
        return [o * np.tanh(c), c]

    def advance(self, x, state, r, statistics, case, stride):
        """The state after a step, each of its maps normalised apart: a batch norm does not mix channels."""
        n, maps = x.shape[1], self.cell(x, state, r, case, stride)
        shape = (len(maps) * n,)
        gamma, beta = self.get(f"{r}bn.weight", shape), self.get(f"{r}bn.bias", shape)
        mean, var = (tensor(f"{statistics}.running_{what}", shape) for what in ("mean", "var"))
        if self.mode == "train":
            means = np.concatenate([m.mean((0, 2, 3)) for m in maps])
            variances = np.concatenate([m.var((0, 2, 3)) for m in maps])
            count = maps[0].size / n
            self.running[f"{statistics}.running_mean"] = mean + BN_MOMENTUM * (means - mean)
            self.running[f"{statistics}.running_var"] = var + BN_MOMENTUM * (variances * count / (count - 1) - var)
            mean, var = means, variances
        normal = []
        for index, values in enumerate(maps):
            rows = slice(index * n, (index + 1) * n)
            scale = gamma[rows] / np.sqrt(var[rows] + BN_EPSILON)
            normal.append(relu((values - per_channel(mean[rows])) * per_channel(scale) + per_channel(beta[rows])))
        return normal

    def unit(self, x, name, out, kernel, stride=1, group_width=0):
        x = self.conv(x, name, out, kernel, stride, group_width or x.shape[1])
        return self.norm(x, f"{name}_bn")

    def fuse(self, x, h, f):
        return relu(self.unit(np.concatenate([x, h], 1), f"{f}fuse", x.shape[1], 1))

    def regulated_block(self, x, state, b, r, case, out, inner, group_width, stride, se_width):
        width_in, shortcut, f = x.shape[1], x, f"{b}f."
        if width_in != out or stride != 1:
            shortcut = self.norm(self.conv(x, f"{b}proj", out, 1, stride, width_in), f"{b}bn")
        if case["block"] == "basic":
            x = relu(self.unit(x, f"{f}a", inner, 3, stride))
            state = self.advance(x, state, r, f"{f}r_bn", case, 1)
            x = self.unit(self.fuse(x, state[0], f), f"{f}b", out, 3)
        else:
            x = relu(self.unit(x, f"{f}a", inner, 1))
            state = self.advance(x, state, r, f"{f}r_bn", case, stride)
            x = relu(self.unit(x, f"{f}b", inner, 3, stride, group_width))
            x = self.unit(self.fuse(x, state[0], f), f"{f}c", out, 1)
        if se_width:
            x = self.squeeze_excite(x, f"{f}se.f_ex", se_width)
        return relu(shortcut + x), state

    def stages(self, x, case):
        state = None
        keys = ("depths", "widths", "inner_widths", "group_widths", "strides")
        for s, (depth, out, inner, group_width, stride) in enumerate(zip(*(case[key] for key in keys)), 1):
            before, state = state, None
            if before and case["carry"]:
                # Each map is a group of the convolution.
                joined, maps = np.concatenate(before, 1), len(before)
                joined = self.conv(joined, f"s{s}.carry", maps * inner, 1, stride, before[0].shape[1])
                state = np.split(joined, maps, 1)
            for b in range(1, depth + 1):
                block = f"s{s}.b{b}."
                r = f"s{s}.r." if case["share"] == "stage" else f"{block}f.r."
                se_width = round(case["se_ratio"] * x.shape[1])
                stride = stride if b == 1 else 1
                x, state = self.regulated_block(x, state, block, r, case, out, inner, group_width, stride, se_width)
        return x

    def network(self, x, case):
        x = self.stages(self.stem(x, "stem.", case["stem"], case["stem_width"]), case)
        weight = self.get("head.fc.weight", (case["classes"], x.shape[1]))
        return x.mean((2, 3)) @ weight.T + self.get("head.fc.bias", (case["classes"],))

    def excited_block(self, x, case):
        """A basic block with squeeze-and-excitation and no regulator."""
        out, stride, shortcut = case["out"], case["stride"], x
        if x.shape[1] != out or stride != 1:
            shortcut = self.norm(self.conv(x, "proj", out, 1, stride, x.shape[1]), "bn")
        x = relu(self.unit(x, "f.a", out, 3, stride))
        x = self.squeeze_excite(self.unit(x, "f.b", out, 3), "f.se.f_ex", case["se_width"])
        return relu(shortcut + x)

    def outputs(self, case) -> dict:
        """What comes out of a case, by name."""
        kind = case["kind"]
        channels = 3 if kind.endswith("network") else case.get("in", case.get("n"))
        x = self.get("input", (case["batch"], channels, case["height"], case["width"]))
        if kind == "regulated_network":
            return {"output": self.network(x, case)}
        if kind == "regulated_stage":
            return {"output": self.stages(x, case)}
        if kind == "basic_block":
            return {"output": self.excited_block(x, case)}
        n, stride = case.get("inner", case.get("n")), case["stride"]
        shape = (case["batch"], n, -(-case["height"] // stride), -(-case["width"] // stride))
        names = ("state_h", "state_c")[: 2 if case["cell"] == "lstm" else 1]
        state = [self.get(name, shape) for name in names] if case["state"] else None
        if kind == "cell":
            return dict(zip(names, self.cell(x, state, "", case, stride)))
        numbers = (case[key] for key in ("out", "inner", "group_width", "stride", "se_width"))
        output, state = self.regulated_block(x, state, "", "f.r.", case, *numbers)
        return {"output": output} | dict(zip(names, state))

    def run(self, case) -> tuple:
        """The outputs and the loss of a case."""
        outputs = self.outputs(case)
        if case["kind"].endswith("network"):
            return outputs, cross_entropy(outputs["output"], case["labels"], case["label_smoothing"])
        losses = {"output": "loss", "state_h": "loss_h", "state_c": "loss_c"}
        return outputs, sum(float((y * tensor(losses[name], y.shape)).sum()) for name, y in outputs.items())


def main() -> None:
    for file in FILES:
        errors = [check_case(file, case, Regulated) for case in read(file)]
        forward, gradient = (max(column) for column in zip(*errors))
        print(f"{file}: {len(errors)} cases, values differ by {forward:.1e}, gradients by {gradient:.1e}")


if __name__ == "__main__":
    main()
