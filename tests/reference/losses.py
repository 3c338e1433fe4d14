"""cross_entropy.json, max_pool.json, sgd.json and schedule.json: the smaller pieces, by PyTorch."""

import math

import torch
from torch import nn
from torch.nn import functional

from formula import tensor, write
from module import dot_loss, summaries

# name, batch, classes, scale of the logits, label smoothing
CROSS_ENTROPY = [
    ("plain", 4, 10, 3.0, 0.0),
    ("smoothed", 4, 10, 3.0, 0.1),
    ("smoothed_batch_1", 1, 38, 3.0, 0.1),
    ("two_classes", 3, 2, 1.0, 0.3),
    # exp(800) is beyond f64: the loss must subtract the largest logit first.
    ("large_logits", 5, 10, 800.0, 0.1),
]

# name, batch, channels, height, width, whether negative inputs become 0, as after a ReLU
MAX_POOL = [
    ("odd", 2, 3, 13, 11, False),
    ("even", 1, 2, 8, 6, False),
    ("one_pixel", 2, 4, 1, 1, False),
    # Windows of equal values: the gradient goes to the first of them in row-major order.
    ("ties", 2, 3, 9, 8, True),
]

# name, momentum, whether it is Nesterov's, weight decay, learning rate of each step
SGD = [
    ("nesterov_weight_decay", 0.9, True, 5e-4, [0.1] * 5),
    ("nesterov_changing_rate", 0.9, True, 5e-4, [0.01, 0.1, 0.08, 0.04, 0.0]),
    ("momentum", 0.9, False, 0.0, [0.1] * 5),
    ("momentum_weight_decay", 0.9, False, 5e-4, [0.1] * 5),
    ("plain_weight_decay", 0.0, False, 5e-4, [0.1] * 5),
]
PARAMETERS = 12

# name, base rate, epochs, warm-up epochs
WARMUP_FACTOR = 0.1
SCHEDULE = [
    ("no_warmup", 0.1, 10, 0),
    ("warmup", 0.8, 20, 5),
    ("short_warmup", 0.2, 3, 0.5),
]


def cross_entropy() -> list:
    """Mean cross-entropy of `scale` times the formula's `logits`, and its gradient."""
    cases = []
    for name, batch, classes, scale, smoothing in CROSS_ENTROPY:
        labels = [(3 * n + 1) % classes for n in range(batch)]
        logits = torch.from_numpy(scale * tensor("logits", (batch, classes))).requires_grad_()
        loss = functional.cross_entropy(logits, torch.tensor(labels), label_smoothing=smoothing)
        loss.backward()
        config = {
            "name": name, "kind": "cross_entropy", "batch": batch, "classes": classes,
            "logit_scale": scale, "labels": labels, "label_smoothing": smoothing,
        }
        cases.append(config | {"tensors": summaries({"loss": loss.detach(), "grad.logits": logits.grad})})
    return cases


def max_pool() -> list:
    """3x3 max pooling of stride 2 and padding 1, the resnet stem's, and its gradient."""
    cases = []
    for name, batch, channels, height, width, rectified in MAX_POOL:
        x = torch.from_numpy(tensor("input", (batch, channels, height, width)))
        x = (x.clamp(min=0.0) if rectified else x).requires_grad_()
        output = functional.max_pool2d(x, 3, stride=2, padding=1)
        loss = dot_loss(output)
        loss.backward()
        config = {
            "name": name, "kind": "max_pool", "batch": batch, "channels": channels,
            "height": height, "width": width, "rectified": rectified,
        }
        tensors = {"output": output.detach(), "loss": loss.detach(), "grad.input": x.grad}
        cases.append(config | {"tensors": summaries(tensors)})
    return cases


def sgd() -> list:
    """The formula's `param` after each step of SGD with the gradients `grad0`, `grad1`, ..."""
    cases = []
    for name, momentum, nesterov, weight_decay, rates in SGD:
        parameter = nn.Parameter(torch.from_numpy(tensor("param", (PARAMETERS,))))
        optimiser = torch.optim.SGD(
            [parameter], lr=rates[0], momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )
        tensors = {}
        for step, rate in enumerate(rates):
            optimiser.param_groups[0]["lr"] = rate
            parameter.grad = torch.from_numpy(tensor(f"grad{step}", (PARAMETERS,)))
            optimiser.step()
            tensors[f"step{step}"] = parameter.detach().clone()
        config = {
            "name": name, "kind": "sgd", "momentum": momentum, "nesterov": nesterov,
            "weight_decay": weight_decay, "learning_rates": rates,
        }
        cases.append(config | {"tensors": summaries(tensors)})
    return cases


def learning_rate(epoch: float, base: float, epochs: int, warmup_epochs: float) -> float:
    """pycls's half-period cosine with a linear warm-up (pycls/core/optimizer.py), at a fractional epoch."""
    rate = base * 0.5 * (1.0 + math.cos(math.pi * epoch / epochs))
    if epoch < warmup_epochs:
        alpha = epoch / warmup_epochs
        rate *= WARMUP_FACTOR * (1.0 - alpha) + alpha
    return rate


def schedule() -> list:
    """The learning rate at every half epoch."""
    cases = []
    for name, base, epochs, warmup_epochs in SCHEDULE:
        at = [step / 2 for step in range(2 * epochs + 1)]
        config = {
            "name": name, "kind": "cosine", "base": base, "epochs": epochs,
            "warmup_epochs": warmup_epochs, "warmup_factor": WARMUP_FACTOR, "at_epochs": at,
            "learning_rates": [learning_rate(epoch, base, epochs, warmup_epochs) for epoch in at],
        }
        cases.append(config | {"tensors": {}})
    return cases


def main() -> None:
    write("cross_entropy.json", cross_entropy())
    write("max_pool.json", max_pool())
    write("sgd.json", sgd())
    write("schedule.json", schedule())


if __name__ == "__main__":
    main()
