"""plain_blocks.json: single basic blocks, by torchvision, and vanilla blocks, of PyTorch's layers."""

from collections import OrderedDict

from torch import nn
from torchvision.models.resnet import BasicBlock

from formula import write
from module import dot_loss, run, summaries

# kind, name, in, out, stride, batch, height, width, mode
CASES = [
    ("basic_block", "basic_identity", 12, 12, 1, 2, 13, 11, "train"),
    ("basic_block", "basic_stride_2", 12, 20, 2, 2, 13, 11, "train"),
    ("basic_block", "basic_stride_2_even", 12, 12, 2, 3, 8, 10, "train"),
    ("basic_block", "basic_projection_stride_1_batch_1", 12, 20, 1, 1, 7, 9, "train"),
    ("basic_block", "basic_stride_2_eval", 12, 20, 2, 2, 13, 11, "eval"),
    ("vanilla_block", "vanilla", 12, 12, 1, 2, 13, 11, "train"),
    ("vanilla_block", "vanilla_stride_2", 12, 20, 2, 2, 13, 10, "train"),
    ("vanilla_block", "vanilla_eval_batch_1", 12, 20, 1, 1, 7, 9, "eval"),
]
# torchvision's names, each as (pattern, pycls name).
RESNET = [
    (r"conv1", "f.a"),
    (r"bn1", "f.a_bn"),
    (r"conv2", "f.b"),
    (r"bn2", "f.b_bn"),
    (r"downsample\.0", "proj"),
    (r"downsample\.1", "bn"),
]


def conv(width_in: int, out: int, kernel: int, stride: int) -> nn.Module:
    return nn.Conv2d(width_in, out, kernel, stride, kernel // 2, bias=False)


def basic(width_in: int, out: int, stride: int) -> nn.Module:
    downsample = None
    if width_in != out or stride != 1:
        downsample = nn.Sequential(conv(width_in, out, 1, stride), nn.BatchNorm2d(out))
    return BasicBlock(width_in, out, stride, downsample)


def vanilla(width_in: int, out: int, stride: int) -> nn.Module:
    return nn.Sequential(OrderedDict(
        a=conv(width_in, out, 3, stride), a_bn=nn.BatchNorm2d(out), a_af=nn.ReLU(),
        b=conv(out, out, 3, 1), b_bn=nn.BatchNorm2d(out), b_af=nn.ReLU(),
    ))


def block(case: tuple) -> tuple:
    """The configuration of a case, the module it describes, and how its names become pycls's."""
    kind, name, width_in, out, stride, batch, height, width, mode = case
    config = {
        "name": name, "kind": kind, "in": width_in, "out": out, "stride": stride,
        "batch": batch, "height": height, "width": width, "mode": mode,
    }
    if kind == "basic_block":
        return config, basic(width_in, out, stride), RESNET
    return config, vanilla(width_in, out, stride), []


def results(**precision):
    """Every case as (configuration, tensors)."""
    for case in CASES:
        config, module, table = block(case)
        shape = (config["batch"], config["in"], config["height"], config["width"])
        yield config, run(module, shape, config["mode"], dot_loss, table, **precision)


def main() -> None:
    write("plain_blocks.json", [config | {"tensors": summaries(tensors)} for config, tensors in results()])


if __name__ == "__main__":
    main()
