"""blocks.json: single X and Y residual bottleneck blocks, by timm."""

from timm.models.regnet import Bottleneck

from formula import write
from module import dot_loss, run, summaries

# name, in, out, inner, group_width, stride, ratio of squeeze-and-excitation, batch, height, width, mode
CASES = [
    ("x_identity", 16, 16, 16, 8, 1, 0, 2, 13, 11, "train"),
    ("x_stride_2", 16, 24, 24, 8, 2, 0, 2, 13, 11, "train"),
    ("x_stride_2_even", 24, 24, 24, 24, 2, 0, 3, 8, 10, "train"),
    ("x_projection_stride_1_batch_1", 16, 24, 24, 8, 1, 0, 1, 7, 9, "train"),
    ("x_b_2", 16, 32, 16, 8, 2, 0, 2, 33, 31, "train"),
    ("x_b_4", 32, 32, 8, 4, 1, 0, 2, 13, 11, "train"),
    ("x_b_half", 16, 16, 32, 16, 2, 0, 1, 13, 11, "train"),
    ("x_depthwise", 12, 12, 12, 1, 1, 0, 2, 5, 6, "train"),
    ("x_identity_eval", 16, 16, 16, 8, 1, 0, 2, 13, 11, "eval"),
    ("x_stride_2_eval_batch_1", 16, 24, 24, 8, 2, 0, 1, 13, 11, "eval"),
    ("y_identity", 16, 16, 16, 8, 1, 0.25, 2, 13, 11, "train"),
    ("y_stride_2", 16, 24, 24, 8, 2, 0.25, 2, 13, 11, "train"),
    # A quarter of 10 lies halfway: the squeezed width rounds to the even 2.
    ("y_projection_stride_1_batch_1", 10, 24, 24, 8, 1, 0.25, 1, 7, 9, "train"),
    ("y_b_2", 16, 32, 16, 8, 2, 0.25, 2, 33, 31, "train"),
    ("y_b_4", 32, 32, 8, 8, 1, 0.25, 2, 13, 11, "train"),
    ("y_b_half", 16, 16, 32, 16, 2, 0.5, 1, 13, 11, "train"),
    ("y_identity_eval_batch_1", 16, 16, 16, 8, 1, 0.25, 1, 13, 11, "eval"),
    ("y_stride_2_eval", 16, 24, 24, 8, 2, 0.25, 2, 13, 11, "eval"),
]


def block(case: tuple) -> tuple:
    """The configuration of a case and the module it describes."""
    name, width_in, out, inner, group_width, stride, se_ratio, batch, height, width, mode = case
    # timm's bottle_ratio is the inverse of the paper's b.
    module = Bottleneck(
        width_in, out, stride, bottle_ratio=inner / out, group_size=group_width, se_ratio=se_ratio
    )
    config = {
        "name": name, "kind": "y_block" if se_ratio else "x_block",
        "in": width_in, "out": out, "inner": inner, "group_width": group_width, "stride": stride,
        "se_width": module.se.fc1.out_channels if se_ratio else 0,
        "batch": batch, "height": height, "width": width, "mode": mode,
    }
    return config, module


def results(**precision):
    """Every case as (configuration, tensors)."""
    for case in CASES:
        config, module = block(case)
        shape = (config["batch"], config["in"], config["height"], config["width"])
        yield config, run(module, shape, config["mode"], dot_loss, **precision)


def main() -> None:
    write("blocks.json", [config | {"tensors": summaries(tensors)} for config, tensors in results()])


if __name__ == "__main__":
    main()
