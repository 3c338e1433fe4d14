"""Writes `wrapped/`: one tiny network as people's programs save it, which the test suite loads.

    python wrapped.py

Needs torch, torchvision, numpy and safetensors. Every file but `script.pt` holds the weights of `plain.safetensors`, next to
what training programs keep beside them; files that hold a moving average (EMA), too, have that twice as large.
"""

import argparse
import collections
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.regnet import BlockParams, RegNet

FOLDER = Path(__file__).parent / "wrapped"


class Net(nn.Module):
    """A network with what programs hang on their modules."""

    def __init__(self):
        super().__init__()
        blocks = BlockParams(depths=[1], widths=[8], group_widths=[8], bottleneck_multipliers=[1.0], strides=[2])
        self.model = RegNet(blocks, num_classes=3, stem_width=8)
        self.register_buffer("step", torch.ones(1), persistent=False)
        self.losses = [0.5, 0.25]
        self.unregistered = [torch.ones(2)]


class Schedule(dict):
    """A dictionary of the user's, with a tensor as an attribute."""


class Watcher:
    """An object of the user's that holds tensors."""

    def __init__(self):
        self.best = torch.ones(3)


def main() -> None:
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    net = Net().eval()
    for name, tensor in net.state_dict().items():
        # Exact in bf16, and different everywhere.
        if tensor.is_floating_point():
            tensor.copy_((torch.randint(1, 255, tensor.shape) / 256).to(tensor.dtype))
    state = net.model.state_dict()
    twice = {key: 2 * value for key, value in state.items()}
    within = lambda words, tensors=state: {words + key: value for key, value in tensors.items()}
    schedule = Schedule(warm_up=5)
    schedule.rates = torch.ones(2)
    beside = {
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, milestones=(30, 60), seed=2**80),
        "history": collections.defaultdict(list, {"loss": [0.5, 0.25], "accuracy": np.float64(0.5)}),
        "recent": collections.deque([torch.ones(1), 2], 3),
        "counts": collections.Counter("regnet"),
        "schedule": schedule,
        "watcher": Watcher(),
        "generator": np.random.default_rng(0).bit_generator.state["state"]["state"],
        "device": torch.device("cpu"),
        "shape": torch.Size([3, 4]),
        "complex": torch.zeros(2, dtype=torch.complex128),
        "flags": {True, False},
        (1, 2): torch.ones(1),
    }

    save_file(state, FOLDER / "plain.safetensors")
    save_file(within("timm_model."), FOLDER / "hf_timm.safetensors")
    torch.save(net, FOLDER / "whole_model.pth")
    torch.save({"state_dict": state, "state_dict_ema": twice} | beside, FOLDER / "ema.pth.tar")
    lightning = within("model._orig_mod.") | {"criterion.weight": torch.ones(10)}
    torch.save({"state_dict": lightning, "pytorch-lightning_version": "2.5", "hyper_parameters": beside["args"]},
               FOLDER / "lightning.ckpt")
    averaged = torch.optim.swa_utils.AveragedModel(net.model)
    torch.save(averaged.state_dict(), FOLDER / "averaged_model.pth", pickle_protocol=4)
    wrapped = {"model_state_dict": within("module.backbone."), "optimizer_state_dict": {"state": {0: {"step": 1}}}}
    torch.save(wrapped, FOLDER / "legacy.pt", _use_new_zipfile_serialization=False)
    # Views of one storage, not in the order of their elements, in bf16, some as parameters.
    storage = torch.cat([value.flatten() for value in state.values() if value.is_floating_point()]).bfloat16()
    views, at = {}, 0
    for key, value in state.items():
        if value.is_floating_point():
            turned = storage[at : at + value.numel()].view(value.T.shape if value.dim() == 2 else value.shape)
            turned.copy_(value.T if value.dim() == 2 else value)
            views[key] = turned.T if value.dim() == 2 else turned
            at += value.numel()
    views["stem.0.weight"] = nn.Parameter(views["stem.0.weight"].contiguous(memory_format=torch.channels_last))
    torch.save({"weights": views}, FOLDER / "views.pth", pickle_protocol=5)
    torch.jit.script(nn.Linear(2, 2)).save(FOLDER / "script.pt")
    for file in sorted(FOLDER.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
