"""Stages of 100,000 random RegNets, by an independent numpy implementation of the published generator.

Writes quantise.txt beside itself: the first sets in full, then one FNV-1a hash for each block of 1,000 sets. The test
regnet-space/tests/quantise.rs draws the same sets and must find the same stages.

    python quantise.py      (numpy 2)
"""

from pathlib import Path

import numpy as np

SETS, BLOCK, SHOWN = 100_000, 1_000, 12
BOTTLENECKS = [0.25, 0.5, 1, 2, 4]


class Draws:
    """Knuth's 64-bit linear congruential generator; the upper half of the state is used."""

    def __init__(self):
        self.state = 2020

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 32) % n


def draw(draws):
    """d, w0, wa, wm, g, b; every fourth set has round numbers, so that ties occur."""
    round_numbers = draws.below(4) == 0
    d = 1 + draws.below(64)
    w0 = 8 * (1 + draws.below(40))
    wa = float(4 * draws.below(64)) if round_numbers else draws.below(25_600) / 100
    wm = (5 + draws.below(8)) / 4 if round_numbers else (1_050 + draws.below(1_951)) / 1_000
    g = 8 * (1 + draws.below(32)) if draws.below(2) == 0 else 1 + draws.below(300)
    b = BOTTLENECKS[draws.below(len(BOTTLENECKS))]
    return d, w0, wa, wm, g, b


def quantise(d, w0, wa, wm):
    """Stage widths and depths: equations 1 to 4."""
    u = np.arange(d) * wa + w0
    s = np.round(np.log(u / w0) / np.log(wm))
    w = np.round(w0 * np.power(wm, s) / 8).astype(np.int64) * 8
    return np.unique(w, return_counts=True)


def fit(w, g, b):
    """Widths and group widths once every inner width is made of whole groups; b is width over inner width."""
    v = np.maximum(1, w / b).astype(np.int64)
    g = np.minimum(g, v)
    m = np.lcm(g, int(1 / b)) if b < 1 else g
    v = np.maximum(m, np.round(v / m).astype(np.int64) * m)
    return (v * b).astype(np.int64), g


def line(params):
    """The stages as text: depth x width / group width."""
    d, w0, wa, wm, g, b = params
    widths, depths = quantise(d, w0, wa, wm)
    widths, groups = fit(widths, g, b)
    return " ".join(f"{d}x{w}/{g}" for d, w, g in zip(depths, widths, groups))


def fnv1a(text):
    state = 0xCBF29CE484222325
    for byte in text.encode():
        state = (state ^ byte) * 0x100000001B3 % 2**64
    return state


def main():
    draws = Draws()
    sets = [draw(draws) for _ in range(SETS)]
    lines = [line(params) for params in sets]
    out = ["# Written by quantise.py: d w0 wa wm g b = stages, then a hash for each 1,000 sets."]
    for params, stages in zip(sets[:SHOWN], lines):
        out.append(" ".join(f"{x:g}" for x in params) + " = " + stages)
    for start in range(0, SETS, BLOCK):
        block = "".join(stages + "\n" for stages in lines[start : start + BLOCK])
        out.append(f"{fnv1a(block):016x}")
    Path(__file__).with_suffix(".txt").write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
