"""stems.json: the three stems, by PyTorch."""

from collections import OrderedDict

from torch import nn

from formula import write
from module import dot_loss, run, summaries

# name, kind, out, batch, height, width, mode
CASES = [
    ("simple", "simple", 16, 2, 33, 31, "train"),
    ("simple_even_batch_1", "simple", 32, 1, 12, 10, "train"),
    ("simple_eval", "simple", 16, 2, 13, 11, "eval"),
    ("cifar", "cifar", 16, 2, 13, 11, "train"),
    ("cifar_batch_1", "cifar", 24, 1, 10, 8, "train"),
    ("cifar_eval", "cifar", 16, 3, 13, 11, "eval"),
    ("resnet", "resnet", 16, 2, 33, 31, "train"),
    ("resnet_even_batch_1", "resnet", 32, 1, 28, 26, "train"),
    ("resnet_eval", "resnet", 16, 2, 23, 21, "eval"),
]


def stem(kind: str, out: int) -> nn.Module:
    """A stem on three channels: simple (3x3, stride 2), cifar (3x3) or resnet (7x7, stride 2, max pooling)."""
    kernel = 7 if kind == "resnet" else 3
    stride = 1 if kind == "cifar" else 2
    layers = OrderedDict(
        conv=nn.Conv2d(3, out, kernel, stride=stride, padding=kernel // 2, bias=False),
        bn=nn.BatchNorm2d(out),
        relu=nn.ReLU(),
    )
    if kind == "resnet":
        layers["pool"] = nn.MaxPool2d(3, stride=2, padding=1)
    return nn.Sequential(layers)


def results(**precision):
    """Every case as (configuration, tensors)."""
    for name, kind, out, batch, height, width, mode in CASES:
        config = {
            "name": name, "kind": kind, "in": 3, "out": out,
            "batch": batch, "height": height, "width": width, "mode": mode,
        }
        yield config, run(stem(kind, out), (batch, 3, height, width), mode, dot_loss, **precision)


def main() -> None:
    write("stems.json", [config | {"tensors": summaries(tensors)} for config, tensors in results()])


if __name__ == "__main__":
    main()
