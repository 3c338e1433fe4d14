"""Computes the fixtures a second time, without what made them.

    python witness.py

numpy alone evaluates every case from its JSON configuration: outputs, losses and running
statistics directly, and each gradient as a central difference of the loss along the direction
`dot0`, whose exact value is the gradient's first dot product. Where torchvision's RegNet builds the
same network, it must give timm's tensors too.
"""

import math

import numpy as np
import torch
from torchvision.models import regnet

import networks
from formula import distance, read, summary, tensor, uniform
from module import TORCHVISION

BN_EPSILON, BN_MOMENTUM = 1e-5, 0.1
# A difference that steps over a ReLU's kink is off at once; a smaller step avoids it, at the price
# of more rounding.
STEPS = (1e-5, 1e-6, 1e-7, 1e-8)
# The errors allowed to values in f64, and to central differences.
EXACT, DIFFERENCE = 1e-11, 1e-6


class Evaluation:
    """One forward pass over formula values; `moved` names the tensor that is displaced along `dot0`."""

    def __init__(self, mode: str, moved: str = "", step: float = 0.0):
        self.mode, self.moved, self.step = mode, moved, step
        self.running, self.shapes = {}, {}

    def get(self, name: str, shape: tuple) -> np.ndarray:
        self.shapes[name] = shape
        value = tensor(name, shape)
        if name == self.moved:
            value = value + self.step * uniform("dot0", value.size).reshape(shape)
        return value

    def conv(self, x, name, out, kernel, stride, group_width, bias=False):
        """A convolution as a sum over the kernel's positions."""
        weight = self.get(f"{name}.weight", (out, group_width, kernel, kernel))
        groups = x.shape[1] // group_width
        pad = kernel // 2
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        height, width = [(size - kernel) // stride + 1 for size in x.shape[2:]]
        x = x.reshape(x.shape[0], groups, group_width, *x.shape[2:])
        weight = weight.reshape(groups, out // groups, group_width, kernel, kernel)
        y = 0.0
        for i in range(kernel):
            for j in range(kernel):
                seen = x[..., i : i + stride * height : stride, j : j + stride * width : stride]
                y = y + np.einsum("goc,ngchw->ngohw", weight[..., i, j], seen, optimize=True)
        y = y.reshape(y.shape[0], out, height, width)
        return y + self.get(f"{name}.bias", (out,))[:, None, None] if bias else y

    def norm(self, x, name):
        channels = (x.shape[1],)
        gamma, beta = self.get(f"{name}.weight", channels), self.get(f"{name}.bias", channels)
        mean, var = tensor(f"{name}.running_mean", channels), tensor(f"{name}.running_var", channels)
        if self.mode == "train":
            count = x.size / x.shape[1]
            old, kept = (mean, var), 1.0 - BN_MOMENTUM
            mean = x.mean((0, 2, 3))
            var = ((x - mean[:, None, None]) ** 2).mean((0, 2, 3))
            self.running[f"{name}.running_mean"] = kept * old[0] + BN_MOMENTUM * mean
            self.running[f"{name}.running_var"] = kept * old[1] + BN_MOMENTUM * var * count / (count - 1)
        scale = gamma / np.sqrt(var + BN_EPSILON)
        return (x - mean[:, None, None]) * scale[:, None, None] + beta[:, None, None]

    def squeeze_excite(self, x, name, squeezed):
        width = x.shape[1]
        s = x.mean((2, 3), keepdims=True)
        s = relu(self.conv(s, f"{name}.0", squeezed, 1, 1, width, bias=True))
        s = self.conv(s, f"{name}.2", width, 1, 1, squeezed, bias=True)
        return x / (1.0 + np.exp(-s))

    def block(self, x, prefix, out, inner, group_width, stride, se_width):
        width_in = x.shape[1]
        shortcut = x
        if width_in != out or stride != 1:
            shortcut = self.norm(self.conv(x, f"{prefix}proj", out, 1, stride, width_in), f"{prefix}bn")
        x = relu(self.norm(self.conv(x, f"{prefix}f.a", inner, 1, 1, width_in), f"{prefix}f.a_bn"))
        x = relu(self.norm(self.conv(x, f"{prefix}f.b", inner, 3, stride, group_width), f"{prefix}f.b_bn"))
        if se_width:
            x = self.squeeze_excite(x, f"{prefix}f.se.f_ex", se_width)
        x = self.norm(self.conv(x, f"{prefix}f.c", out, 1, 1, inner), f"{prefix}f.c_bn")
        return relu(shortcut + x)

    def plain_block(self, x, kind, out, stride):
        width_in, shortcut = x.shape[1], 0.0
        if kind == "basic_block":
            shortcut = x
            if width_in != out or stride != 1:
                shortcut = self.norm(self.conv(x, "proj", out, 1, stride, width_in), "bn")
        f = "f." if kind == "basic_block" else ""
        x = relu(self.norm(self.conv(x, f"{f}a", out, 3, stride, width_in), f"{f}a_bn"))
        return relu(shortcut + self.norm(self.conv(x, f"{f}b", out, 3, 1, out), f"{f}b_bn"))

    def stem(self, x, prefix, kind, out):
        kernel, stride = {"simple": (3, 2), "cifar": (3, 1), "resnet": (7, 2)}[kind]
        x = relu(self.norm(self.conv(x, f"{prefix}conv", out, kernel, stride, 3), f"{prefix}bn"))
        return max_pool(x) if kind == "resnet" else x

    def network(self, x, case):
        x = self.stem(x, "stem.", case["stem"], case["stem_width"])
        stages = zip(case["stage_widths"], case["stage_depths"], case["inner_widths"], case["group_widths"])
        for s, (out, depth, inner, group_width) in enumerate(stages, 1):
            for b in range(1, depth + 1):
                se_width = round(case["se_ratio"] * x.shape[1])
                x = self.block(x, f"s{s}.b{b}.", out, inner, group_width, 2 if b == 1 else 1, se_width)
        weight = self.get("head.fc.weight", (case["classes"], x.shape[1]))
        return x.mean((2, 3)) @ weight.T + self.get("head.fc.bias", (case["classes"],))

    def run(self, case):
        """The outputs by name, and the loss of a case."""
        channels = case.get("in", case.get("channels", 3))
        x = self.get("input", (case["batch"], channels, case["height"], case["width"]))
        if case["kind"].endswith("network"):
            y = self.network(x, case)
            return {"output": y}, cross_entropy(y, case["labels"], case["label_smoothing"])
        if case["kind"] in ("basic_block", "vanilla_block"):
            y = self.plain_block(x, *(case[key] for key in ("kind", "out", "stride")))
        elif case["kind"].endswith("block"):
            y = self.block(x, "", *(case[key] for key in ("out", "inner", "group_width", "stride", "se_width")))
        elif case["kind"] == "max_pool":
            y = max_pool(relu(x) if case["rectified"] else x)
        else:
            y = self.stem(x, "", case["kind"], case["out"])
        return {"output": y}, float((y * tensor("loss", y.shape)).sum())


def relu(x):
    return np.maximum(x, 0.0)


def max_pool(x):
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].max((4, 5))


def cross_entropy(logits, labels, smoothing):
    logits = logits - logits.max(1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    of_label = log_p[np.arange(len(labels)), labels]
    return float(-((1.0 - smoothing) * of_label + smoothing * log_p.mean(1)).mean())


def slope_error(evaluation: type, case: dict, name: str, kept: dict) -> float:
    """The error of a gradient's component along `dot0`, on the scale of the gradient."""
    if "values" in kept:
        slope = float(np.dot(kept["values"], uniform("dot0", len(kept["values"]))))
        norm = math.hypot(*kept["values"])
    else:
        slope, norm = kept["dots"][0], kept["norm"]
    # What takes no part has the gradient 0, and moving it changes nothing at all.
    norm = norm or 1e-300
    for step in STEPS:
        ahead = evaluation(case["mode"], name, step).run(case)[1]
        behind = evaluation(case["mode"], name, -step).run(case)[1]
        error = abs((ahead - behind) / (2 * step) - slope) / norm
        if error <= DIFFERENCE:
            break
    return error


def check(what: str, error: float, bound: float) -> None:
    if not error <= bound:
        raise SystemExit(f"{what}: differs by {error:.1e}, more than {bound:.0e}")


def check_case(file: str, case: dict, evaluator: type = Evaluation) -> tuple:
    """The largest forward error and the largest gradient error of a case."""
    case = {"mode": "train"} | case
    evaluation = evaluator(case["mode"])
    outputs, loss = evaluation.run(case)
    values = outputs | {"loss": loss}
    values |= {f"running.{name}": value for name, value in evaluation.running.items()}
    where, kept = f"{file} {case['name']}", case["tensors"]
    if case["mode"] == "train":
        expected = set(values) | {f"grad.{name}" for name in evaluation.shapes}
        if expected != set(kept):
            raise SystemExit(f"{where}: the tensors are not those of the module: {expected ^ set(kept)}")
    forward = gradient = 0.0
    for name, value in values.items():
        error = distance(kept[name], summary(value))
        check(f"{where} {name}", error, EXACT)
        forward = max(forward, error)
    # A tie has no derivative; its rule is PyTorch's to state.
    for name in [] if case.get("rectified") else [name for name in kept if name.startswith("grad.")]:
        error = slope_error(evaluator, case, name.removeprefix("grad."), kept[name])
        check(f"{where} {name}", error, DIFFERENCE)
        gradient = max(gradient, error)
    return forward, gradient


def check_cross_entropy() -> None:
    """The loss as above; its gradient is (softmax - smoothed target) / batch."""
    for case in read("cross_entropy.json"):
        batch, classes = case["batch"], case["classes"]
        logits = case["logit_scale"] * tensor("logits", (batch, classes))
        loss = cross_entropy(logits, case["labels"], case["label_smoothing"])
        p = np.exp(logits - logits.max(1, keepdims=True))
        target = np.full((batch, classes), case["label_smoothing"] / classes)
        target[np.arange(batch), case["labels"]] += 1.0 - case["label_smoothing"]
        gradient = (p / p.sum(1, keepdims=True) - target) / batch
        for name, value in (("loss", loss), ("grad.logits", gradient)):
            check(f"cross_entropy {case['name']} {name}", distance(case["tensors"][name], summary(value)), EXACT)


def check_sgd() -> None:
    """The update rule written out: v = momentum v + g, starting from v = g."""
    for case in read("sgd.json"):
        p, v = tensor("param", (12,)), 0.0
        for step, rate in enumerate(case["learning_rates"]):
            g = tensor(f"grad{step}", (12,)) + case["weight_decay"] * p
            v = case["momentum"] * v + g
            p = p - rate * (g + case["momentum"] * v if case["nesterov"] else v)
            kept = case["tensors"][f"step{step}"]
            check(f"sgd {case['name']} step {step}", distance(kept, summary(p)), EXACT)


def check_schedule() -> None:
    """After the warm-up the rate is PyTorch's CosineAnnealingLR; before, a line times it."""
    for case in read("schedule.json"):
        optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=case["base"])
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 2 * case["epochs"])
        for epoch, kept in zip(case["at_epochs"], case["learning_rates"]):
            warm = min(1.0, 0.1 + 0.9 * epoch / case["warmup_epochs"]) if case["warmup_epochs"] else 1.0
            rate = optimiser.param_groups[0]["lr"] * warm
            check(f"schedule {case['name']} epoch {epoch}", abs(rate - kept) / case["base"], EXACT)
            optimiser.step()
            cosine.step()


def torchvision_network(case: tuple) -> tuple:
    """The same network by torchvision; None where its other rounding rule gives other widths."""
    config, _ = networks.network(case)
    parameters = regnet.BlockParams.from_init_params(
        depth=config["d"], w_0=config["w0"], w_a=config["wa"], w_m=config["wm"], group_width=config["g"],
        bottleneck_multiplier=1.0 / config["b"], se_ratio=config["se_ratio"] or None,
    )
    agrees = config["stem"] == "simple" and parameters.widths == config["stage_widths"]
    if not agrees:
        return config, None
    return config, regnet.RegNet(parameters, config["classes"], stem_width=config["stem_width"])


def check_torchvision() -> None:
    kept = {case["name"]: case["tensors"] for case in read("networks.json")}
    for case in networks.CASES:
        config, module = torchvision_network(case)
        if module is None:
            continue
        tensors = networks.evaluate(config, module, table=TORCHVISION)
        if set(tensors) != set(kept[config["name"]]):
            raise SystemExit(f"torchvision {config['name']}: other tensors")
        error = max(distance(kept[config["name"]][name], summary(value)) for name, value in tensors.items())
        check(f"torchvision {config['name']}", error, EXACT)
        print(f"torchvision {config['name']}: differs by {error:.1e}")


def main() -> None:
    torch.set_num_threads(1)
    for file in ("blocks.json", "plain_blocks.json", "stems.json", "networks.json", "max_pool.json"):
        for case in read(file):
            forward, gradient = check_case(file, case)
            print(f"{file} {case['name']}: values differ by {forward:.1e}, gradients by {gradient:.1e}")
    check_cross_entropy()
    check_sgd()
    check_schedule()
    check_torchvision()


if __name__ == "__main__":
    main()
