"""cells.json, regulated_*.json: self-regulated cells, blocks, stages and networks, by `regulator.py`."""

import json
from itertools import product

import torch

import networks
from formula import FOLDER, tensor, write
from module import dot_loss, fill, run, summaries
from regulator import FORMS, Block, Network, PlainBasic, Stages, parameters

CELLS = ("rnn", "gru", "lstm")
CONVS = ("full", "efficient")

# Whether there is a state, and the stride of the input's part.
STEPS = ((True, 1), (False, 1), (False, 2), (True, 2))

# kind of block, in, out, inner, group width, stride, whether it receives a state, mode
BLOCKS = [
    ("basic", 6, 6, 6, 6, 1, True, "train"),
    ("basic", 4, 6, 6, 6, 2, False, "train"),
    ("basic", 4, 6, 6, 6, 2, True, "eval"),
    ("bottleneck", 6, 6, 6, 3, 1, True, "train"),
    ("bottleneck", 4, 8, 4, 2, 2, False, "train"),
    ("bottleneck", 4, 8, 4, 2, 2, True, "train"),
    ("bottleneck", 8, 8, 4, 4, 1, False, "eval"),
]

# name, configuration
FOUR = dict(depths=[4], widths=[6], strides=[2])
TWO = dict(depths=[2, 2], widths=[4, 6], strides=[1, 2])
STAGES = [
    ("shared", dict(conv="full", share="stage", block="basic", carry=False, **FOUR)),
    ("shared", dict(conv="efficient", share="stage", block="bottleneck", carry=False, **FOUR)),
    ("shared", dict(conv="efficient", share="stage", block="basic", carry=False, **FOUR)),
    ("shared", dict(conv="full", share="stage", block="bottleneck", carry=False, **FOUR)),
    ("per_block", dict(conv="full", share="block", block="basic", carry=False, **FOUR)),
    ("per_block", dict(conv="efficient", share="block", block="bottleneck", carry=False, **FOUR)),
    ("carried", dict(conv="efficient", share="stage", block="basic", carry=True, **TWO)),
    ("carried", dict(conv="full", share="stage", block="bottleneck", carry=True, **TWO)),
    ("carried_per_block", dict(conv="full", share="block", block="basic", carry=True, **TWO)),
]
# Stages that only the cell with the largest state is tried in.
LSTM_ONLY = ("carried_per_block",)

# CIFAR-like of depth 8 (one block a stage) and of mixed depths, and bottlenecks without (X) and with (Y) squeeze-and-
# excitation: name, cell, mode, configuration
SMALL = dict(stem="cifar", stem_width=4, block="basic", widths=[4, 8, 8], strides=[1, 2, 2], se_ratio=0)
EXCITED = SMALL | dict(se_ratio=0.5)
WIDE = dict(
    stem="simple", stem_width=8, block="bottleneck", depths=[1, 3], widths=[8, 12], strides=[2, 2],
    inner_widths=[8, 12], group_widths=[4, 4],
)
NETWORKS = [
    ("cifar_8", "rnn", "train", SMALL | dict(depths=[1, 1, 1], conv="full", share="stage", carry=False)),
    ("cifar_8", "lstm", "train", SMALL | dict(depths=[1, 1, 1], conv="efficient", share="stage", carry=True)),
    ("cifar_12", "gru", "train", SMALL | dict(depths=[2, 2, 1], conv="efficient", share="stage", carry=False)),
    ("cifar_8_se", "gru", "eval", EXCITED | dict(depths=[1, 1, 1], conv="full", share="stage", carry=True)),
    ("cifar_14_se", "lstm", "eval", EXCITED | dict(depths=[2, 2, 2], conv="full", share="block", carry=False)),
    ("x", "lstm", "train", WIDE | dict(conv="full", share="stage", carry=False, se_ratio=0)),
    ("y", "gru", "train", WIDE | dict(conv="efficient", share="stage", carry=False, se_ratio=0.25)),
    ("y", "rnn", "eval", WIDE | dict(conv="full", share="block", carry=True, se_ratio=0.25)),
]

# The CIFAR networks of the paper.
CIFAR = dict(
    stem="cifar", stem_width=16, block="basic", widths=[16, 32, 64], strides=[1, 2, 2], classes=10, carry=False,
    inner_widths=[16, 32, 64], group_widths=[16, 32, 64],
)
DEPTHS = (20, 32, 44, 56)
# ResNet-50's stages: each first one of stride 2 but the stem's pooling.
IMAGENET = dict(
    stem="resnet", stem_width=64, block="bottleneck", depths=[3, 4, 6, 3], widths=[256, 512, 1024, 2048],
    strides=[1, 2, 2, 2], inner_widths=[64, 128, 256, 512], group_widths=[64, 128, 256, 512], classes=1000,
)


def made(name: str, shape: tuple, dtype, differentiated: bool = True):
    """A tensor by the formula."""
    return torch.from_numpy(tensor(name, shape)).to(dtype).requires_grad_(differentiated)


def incoming(cell: str, shape: tuple, dtype) -> dict:
    """The state a step starts from, by name."""
    return {name: made(name, shape, dtype) for name in ("state_h", "state_c")[: 2 if cell == "lstm" else 1]}


def as_state(values: dict) -> tuple:
    return (values["state_h"], values.get("state_c")) if values else None


def collect(module, inputs: dict, outputs: dict, mode: str) -> dict:
    """Every tensor of a case of several inputs and outputs: what `module.run` collects of one of each.

    The loss is the sum over outputs of their dot product with a tensor of the formula: `loss` for `output`,
    `loss_h` for `state_h`, `loss_c` for `state_c`.
    """
    losses = {"output": "loss", "state_h": "loss_h", "state_c": "loss_c"}
    loss = sum(
        (value * made(losses[name], tuple(value.shape), value.dtype, False)).sum() for name, value in outputs.items()
    )
    tensors = {name: value.detach() for name, value in outputs.items()} | {"loss": loss.detach()}
    if mode == "eval":
        return tensors
    loss.backward()
    tensors |= {f"grad.{name}": value.grad for name, value in inputs.items()}
    for name, parameter in module.named_parameters():
        # What takes no part has no gradient in PyTorch; it is 0.
        tensors[f"grad.{name}"] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    for name, buffer in module.named_buffers():
        if not name.endswith("num_batches_tracked"):
            tensors[f"running.{name}"] = buffer
    return tensors


def outgoing(state: tuple) -> dict:
    """A state by name."""
    return {name: value for name, value in zip(("state_h", "state_c"), state) if value is not None}


def cells(dtype=torch.float64):
    """One step of each cell, before its norm."""
    n, batch, height, width = 3, 2, 5, 6
    for cell, form, (has_state, stride) in product(CELLS, CONVS, STEPS):
        config = {
            "name": f"{cell}_{form}_{'state' if has_state else 'zero'}_stride_{stride}",
            "kind": "cell", "cell": cell, "conv": form, "n": n, "stride": stride,
            "state": has_state, "batch": batch, "height": height, "width": width, "mode": "train",
        }
        module = FORMS[form](cell, n)
        del module.bn
        fill(module.to(dtype), [])
        x = made("input", (batch, n, height, width), dtype)
        size = (batch, n, -(-height // stride), -(-width // stride))
        state = incoming(cell, size, dtype) if has_state else {}
        out = module.step(x, as_state(state) or module.zero(x, stride), stride)
        yield config, collect(module, {"input": x} | state, outgoing(out), "train")


def blocks(dtype=torch.float64):
    """Single blocks; the regulator is the block's own, `r.x.weight`."""
    batch, height, width = 2, 7, 6
    # One convolution form a cell and place: each cell meets both.
    for at, (kind, width_in, out, inner, group_width, stride, has_state, mode) in enumerate(BLOCKS):
        for number, (cell, se_ratio) in enumerate(product(CELLS, (0, 0.5))):
            form = CONVS[(at + number) % 2]
            se_width = round(width_in * se_ratio)
            config = {
                "name": "_".join(
                    [kind, cell, form, f"stride_{stride}"] + ["state"] * has_state + ["se"] * bool(se_width)
                ),
                "kind": "regulated_block", "block": kind, "cell": cell, "conv": form, "in": width_in, "out": out,
                "inner": inner, "group_width": group_width, "stride": stride, "state": has_state,
                "se_width": se_width, "batch": batch, "height": height, "width": width, "mode": mode,
            }
            module = Block(
                kind, cell, width_in, out, inner, group_width, stride, se_width, FORMS[form](cell, inner)
            )
            fill(module.to(dtype), []).train(mode == "train")
            x = made("input", (batch, width_in, height, width), dtype)
            size = (batch, inner, -(-height // stride), -(-width // stride))
            state = incoming(cell, size, dtype) if has_state else {}
            output, after = module(x, as_state(state))
            yield config, collect(module, {"input": x} | state, {"output": output} | outgoing(after), mode)


def plain(dtype=torch.float64):
    """Basic blocks without a regulator, with squeeze-and-excitation."""
    for name, width_in, out, stride, mode in [
        ("basic_se", 6, 6, 1, "train"), ("basic_se_stride_2", 4, 6, 2, "train"), ("basic_se_eval", 4, 6, 2, "eval"),
    ]:
        config = {
            "name": name, "kind": "basic_block", "in": width_in, "out": out, "stride": stride,
            "se_width": width_in // 2, "batch": 2, "height": 7, "width": 6, "mode": mode,
        }
        module = PlainBasic(width_in, out, stride, width_in // 2)
        yield config, run(module, (2, width_in, 7, 6), mode, dot_loss, [], dtype)


def with_inner(spec: dict) -> dict:
    """Inner and group widths, where a list of cases leaves them to the kind of block."""
    widths = spec["widths"]
    basic = spec["block"] == "basic"
    return {"inner_widths": widths if basic else [w // 2 for w in widths],
            "group_widths": widths if basic else [1 for _ in widths]} | spec


def stages(dtype=torch.float64):
    """Stages of four blocks, and two of two."""
    batch, height, width = 2, 8, 7
    for (name, spec), cell in product(STAGES, CELLS):
        if name in LSTM_ONLY and cell != "lstm":
            continue
        spec = with_inner(spec) | {"cell": cell, "in": 4, "se_ratio": 0}
        config = {
            "name": f"{name}_{spec['block']}_{cell}_{spec['conv']}", "kind": "regulated_stage", **spec,
            "batch": batch, "height": height, "width": width, "mode": "train",
        }
        yield config, run(Stages(spec), (batch, 4, height, width), "train", dot_loss, [], dtype)


def nets(dtype=torch.float64):
    """Whole networks."""
    batch, side = 2, 11
    for name, cell, mode, spec in NETWORKS:
        spec = with_inner(spec) | {"cell": cell, "classes": networks.CLASSES}
        module = Network(spec)
        config = {
            "name": f"{name}_{cell}_{spec['conv']}", "kind": "regulated_network", **spec,
            "params": parameters(module), "batch": batch, "height": side, "width": side + 2, "mode": mode,
            "labels": networks.labels(batch), "label_smoothing": networks.LABEL_SMOOTHING,
        }
        yield config, run(module, (batch, 3, side, side + 2), mode, networks.loss_of(batch), [], dtype)


FILES = {
    "cells.json": cells, "regulated_blocks.json": blocks, "se_blocks.json": plain,
    "regulated_stages.json": stages, "regulated_networks.json": nets,
}


def results(**precision):
    """Every case as (configuration, tensors)."""
    for cases in FILES.values():
        yield from cases(**precision)


def counts() -> list:
    """How many numbers are trained in the networks of the paper."""
    rows = []
    forms = list(product(CELLS, CONVS, ("stage", "block"), (0, 0.25)))
    for depth, (cell, form, share, se_ratio) in product(DEPTHS, forms):
        spec = {"depths": [(depth - 2) // 6] * 3, "cell": cell, "conv": form, "share": share, "se_ratio": se_ratio}
        rows.append({"depth": depth, "carry": False, **spec, "params": parameters(Network(CIFAR | spec))})
    for (cell, form, share, se_ratio), carry in product(forms, (False, True)):
        if carry:
            spec = {"cell": cell, "conv": form, "share": share, "se_ratio": se_ratio, "carry": True}
            spec |= {"depths": [3] * 3}
            rows.append({"depth": 20, **spec, "params": parameters(Network(CIFAR | spec))})
        if se_ratio == 0:
            spec = {"cell": cell, "conv": form, "share": share, "se_ratio": 0, "carry": carry}
            with torch.device("meta"):
                params = parameters(Network(IMAGENET | spec))
            rows.append({"depth": 50, **spec, "depths": IMAGENET["depths"], "params": params})
    return rows


def main() -> None:
    for file, cases in FILES.items():
        write(file, [config | {"tensors": summaries(tensors)} for config, tensors in cases()])
    rows = [json.dumps(row) for row in counts()]
    (FOLDER / "regulated_counts.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")


if __name__ == "__main__":
    main()
