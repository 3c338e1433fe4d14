"""Runs a PyTorch module on formula values under pycls's names."""

import re

import torch
from torch import nn

from formula import summary, tensor

# timm's and torchvision's names, each as (pattern, pycls name); the first that matches wins.
TIMM = [
    (r"conv1\.conv", "f.a"),
    (r"conv1\.bn", "f.a_bn"),
    (r"conv2\.conv", "f.b"),
    (r"conv2\.bn", "f.b_bn"),
    (r"conv3\.conv", "f.c"),
    (r"conv3\.bn", "f.c_bn"),
    (r"se\.fc1", "f.se.f_ex.0"),
    (r"se\.fc2", "f.se.f_ex.2"),
    (r"downsample\.conv", "proj"),
    (r"downsample\.bn", "bn"),
]
TORCHVISION = [
    (r"stem\.0", "stem.conv"),
    (r"stem\.1", "stem.bn"),
    (r"proj\.0", "proj"),
    (r"proj\.1", "bn"),
    (r"f\.([abc])\.0", r"f.\1"),
    (r"f\.([abc])\.1", r"f.\1_bn"),
    (r"f\.se\.fc1", "f.se.f_ex.0"),
    (r"f\.se\.fc2", "f.se.f_ex.2"),
    (r"^fc", "head.fc"),
]


def pycls_name(name: str, table: list = TIMM) -> str:
    """The name pycls gives to a parameter or a running statistic."""
    block = re.match(r"trunk_output\.block(\d+)\.block\d+-(\d+)\.(.*)", name)
    if block:
        return f"s{block[1]}.b{int(block[2]) + 1}.{pycls_name(block[3], table)}"
    for pattern, replacement in table:
        if re.search(pattern, name):
            return re.sub(pattern, replacement, name)
    return name


def fill(module: nn.Module, table: list = TIMM) -> nn.Module:
    """Sets every parameter and running statistic by the formula, in the module's own precision."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                value.copy_(torch.from_numpy(tensor(pycls_name(name, table), tuple(value.shape))))
    return module


def run(module: nn.Module, input_shape: tuple, mode: str, loss_of, table: list = TIMM, dtype=torch.float64) -> dict:
    """Every tensor a case is checked against, by name.

    `loss_of` maps the module's output to the scalar that is differentiated. Evaluation mode, where
    nothing is trained, gives `output` and `loss` only.
    """
    module = fill(module.to(dtype), table).train(mode == "train")
    x = torch.from_numpy(tensor("input", input_shape)).to(dtype).requires_grad_()
    output = module(x)
    loss = loss_of(output)
    tensors = {"output": output.detach(), "loss": loss.detach()}
    if mode == "eval":
        return tensors
    loss.backward()
    tensors["grad.input"] = x.grad
    for name, parameter in module.named_parameters():
        tensors[f"grad.{pycls_name(name, table)}"] = parameter.grad
    for name, buffer in module.named_buffers():
        if not name.endswith("num_batches_tracked"):
            tensors[f"running.{pycls_name(name, table)}"] = buffer
    return tensors


def summaries(tensors: dict) -> dict:
    """The summary of each tensor."""
    return {name: summary(value) for name, value in tensors.items()}


def dot_loss(output: torch.Tensor) -> torch.Tensor:
    """The loss of a part of a network: the dot product of its output with the formula's `loss`."""
    return (output * torch.from_numpy(tensor("loss", tuple(output.shape))).to(output.dtype)).sum()
