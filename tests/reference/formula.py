"""The formula behind every weight and input, and the summary kept of every result.

Value i (row-major flat index) of the tensor called NAME is

    offset + scale * u(NAME, i)

where u is uniform in [-1, 1), drawn without any state:

    x = (fnv1a64(NAME as UTF-8) + i) mod 2^64
    z = x + 0x9E3779B97F4A7C15                      (splitmix64, all mod 2^64)
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    z = z ^ (z >> 31)
    u = (z >> 11) / 2^52 - 1

and (offset, scale) follow from the name's ending and the tensor's rank:

    input                       0, 1.5
    *.running_mean              0, 0.3
    *.running_var               1, 0.4
    *.bias                      0, 0.2
    *.weight of rank 1 (gamma)  1, 0.3
    *.weight of rank 2 or 4     0, sqrt(6 / fan_in)    fan_in = product of all dims but the first
    anything else               0, 1

u is exact in f64. The product is rounded before the sum (no fused multiply-add), so both sides
get the same bits.
"""

import json
import math
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
MASK = (1 << 64) - 1
# A tensor of at most this many values is kept whole.
WHOLE = 16
HEAD = 6
DOTS = ("dot0", "dot1", "dot2")


def fnv1a64(name: str) -> int:
    """The 64-bit FNV-1a hash of a name."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """u(name, 0), ..., u(name, count - 1)."""
    # Arrays of uint64 wrap silently, which is the arithmetic modulo 2^64 that is wanted.
    start = (fnv1a64(name) + 0x9E3779B97F4A7C15) & MASK
    z = np.arange(count, dtype=np.uint64) + np.uint64(start)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0


def offset_and_scale(name: str, shape: tuple) -> tuple:
    """Where the values of a tensor lie: offset - scale to offset + scale."""
    if name == "input":
        return 0.0, 1.5
    match name.rpartition(".")[2]:
        case "running_mean":
            return 0.0, 0.3
        case "running_var":
            return 1.0, 0.4
        case "bias":
            return 0.0, 0.2
        case "weight" if len(shape) == 1:
            return 1.0, 0.3
        case "weight":
            return 0.0, math.sqrt(6.0 / math.prod(shape[1:]))
    return 0.0, 1.0


def tensor(name: str, shape: tuple) -> np.ndarray:
    """The tensor called `name`, in f64."""
    offset, scale = offset_and_scale(name, shape)
    return (offset + scale * uniform(name, math.prod(shape))).reshape(shape)


def summary(values) -> dict:
    """What is kept of a result: all of a small tensor, a fingerprint of a large one."""
    values = np.asarray(values, dtype=np.float64)
    flat = values.reshape(-1)
    kept = {"shape": list(values.shape)}
    if flat.size <= WHOLE:
        return kept | {"values": flat.tolist()}
    # fsum is exact to the last rounding: the figures do not depend on an order of summation.
    dots = [math.fsum(flat * uniform(name, flat.size)) for name in DOTS]
    norm = math.sqrt(math.fsum(flat * flat))
    return kept | {"head": flat[:HEAD].tolist(), "dots": dots, "norm": norm}


def distance(kept: dict, other: dict) -> float:
    """The largest error of a summary, on the scale of its tensor (README.md, "Comparing")."""
    if kept["shape"] != other["shape"]:
        return math.inf
    count = math.prod(kept["shape"])
    norm = kept["norm"] if "norm" in kept else math.hypot(*kept["values"])
    if norm == 0.0:
        # What takes no part has no gradient, and exactly none.
        return 0.0 if kept == other else math.inf
    rms = norm / math.sqrt(count)
    errors = [0.0]
    for field in ("values", "head"):
        errors += [abs(a - b) / max(abs(a), rms) for a, b in zip(kept.get(field, []), other.get(field, []))]
    if "norm" in kept:
        pairs = zip(kept["dots"] + [norm], other["dots"] + [other["norm"]])
        errors += [abs(a - b) / norm for a, b in pairs]
    # Unlike the built-in max, numpy's lets a NaN through.
    return float(np.max(errors))


def write(file: str, cases: list) -> None:
    """Writes a list of cases, one field and one tensor a line, so that changes can be read."""
    parts = []
    for case in cases:
        fields = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in case.items() if key != "tensors"]
        rows = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in case["tensors"].items()]
        parts.append("{" + ", ".join(fields) + ',\n"tensors": {\n' + ",\n".join(rows) + "\n}}")
    (FOLDER / file).write_text("[\n" + ",\n".join(parts) + "\n]\n")


def read(file: str) -> list:
    """The cases of a fixture."""
    return json.loads((FOLDER / file).read_text())
