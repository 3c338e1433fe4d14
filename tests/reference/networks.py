"""networks.json: whole small RegNetX and RegNetY networks, by timm."""

from timm.models.regnet import RegNet, RegNetCfg
from torch.nn import functional

from formula import write
from module import run, summaries
from stems import stem

CLASSES = 10
LABEL_SMOOTHING = 0.1

SMALL = (5, 16, 12, 1.6, 8, 1)
# The images are large enough for every batch norm in training to see at least 6 values a channel:
# with fewer, single precision loses the digits that the comparison needs.
# name, (d, w0, wa, wm, g, b), ratio of squeeze-and-excitation, stem, its width, batch, height, width, mode
CASES = [
    # Depths 1, 1, 2, 3: a stage with more than one block after its first.
    ("x", (7, 16, 10, 1.6, 8, 1), 0, "simple", 32, 2, 65, 63, "train"),
    ("x_eval_batch_1", (7, 16, 10, 1.6, 8, 1), 0, "simple", 32, 1, 33, 31, "eval"),
    ("y", SMALL, 0.25, "simple", 16, 4, 33, 31, "train"),
    ("y_eval", SMALL, 0.25, "simple", 16, 2, 33, 31, "eval"),
    ("x_b_2_batch_1", (5, 16, 12, 1.6, 8, 2), 0, "simple", 16, 1, 65, 97, "train"),
    # The first stage's inner width of 4 is under the group width of 8.
    ("x_b_4_eval", (5, 16, 12, 1.6, 8, 4), 0, "simple", 16, 2, 33, 31, "eval"),
    ("y_b_half_eval", (5, 16, 12, 1.6, 8, 0.5), 0.25, "simple", 16, 2, 33, 31, "eval"),
    ("y_cifar", SMALL, 0.25, "cifar", 16, 2, 33, 31, "train"),
    ("x_resnet", SMALL, 0, "resnet", 16, 2, 129, 127, "train"),
]


def labels(batch: int) -> list:
    """The class of each image."""
    return [(3 * n + 1) % CLASSES for n in range(batch)]


def loss_of(batch: int):
    """Mean cross-entropy with label smoothing."""

    def loss(logits):
        target = functional.one_hot(logits.new_tensor(labels(batch)).long(), CLASSES)
        target = target.to(logits.dtype) * (1.0 - LABEL_SMOOTHING) + LABEL_SMOOTHING / CLASSES
        return functional.cross_entropy(logits, target)

    return loss


def network(case: tuple) -> tuple:
    """The configuration of a case and the module it describes."""
    name, (d, w0, wa, wm, g, b), se_ratio, stem_kind, stem_width, batch, height, width, mode = case
    cfg = RegNetCfg(
        depth=d, w0=w0, wa=wa, wm=wm, group_size=g, bottle_ratio=1.0 / b, se_ratio=se_ratio, stem_width=stem_width
    )
    module = RegNet(cfg, num_classes=CLASSES)
    if stem_kind != "simple":
        module.stem = stem(stem_kind, stem_width)
    stages = [module.s1, module.s2, module.s3, module.s4]
    convolutions = [stage.b1.conv2.conv for stage in stages]
    config = {
        "name": name, "kind": "y_network" if se_ratio else "x_network",
        "d": d, "w0": w0, "wa": wa, "wm": wm, "g": g, "b": b, "se_ratio": se_ratio,
        "stem": stem_kind, "stem_width": stem_width, "classes": CLASSES,
        "stage_widths": [stage.b1.conv3.conv.out_channels for stage in stages],
        "stage_depths": [len(list(stage.children())) for stage in stages],
        "inner_widths": [convolution.out_channels for convolution in convolutions],
        "group_widths": [convolution.weight.shape[1] for convolution in convolutions],
        "batch": batch, "height": height, "width": width, "mode": mode,
        "labels": labels(batch), "label_smoothing": LABEL_SMOOTHING,
    }
    return config, module


def evaluate(config: dict, module, **options) -> dict:
    """The tensors of a case."""
    shape = (config["batch"], 3, config["height"], config["width"])
    return run(module, shape, config["mode"], loss_of(config["batch"]), **options)


def results(**precision):
    """Every case as (configuration, tensors)."""
    for case in CASES:
        config, module = network(case)
        yield config, evaluate(config, module, **precision)


def main() -> None:
    write("networks.json", [config | {"tensors": summaries(tensors)} for config, tensors in results()])


if __name__ == "__main__":
    main()
