"""Writes every fixture of this folder, and says how far single precision is from them.

    python make_reference.py
"""

import torch

import blocks
import losses
import networks
import plain_blocks
import regulated
import stems
from formula import FOLDER, distance, summary


def single_precision_error(exact: dict, rounded: dict) -> float:
    """The largest error over the tensors of a case."""
    return max(distance(summary(exact[name]), summary(rounded[name])) for name in exact)


def main() -> None:
    torch.set_num_threads(1)
    for group in (blocks, plain_blocks, stems, networks, regulated):
        group.main()
        for (config, exact), (_, rounded) in zip(group.results(), group.results(dtype=torch.float32)):
            error = single_precision_error(exact, rounded)
            print(f"{group.__name__} {config['name']}: f32 differs by {error:.1e}")
    losses.main()
    for file in sorted(FOLDER.glob("*.json")):
        print(f"{file.name}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
