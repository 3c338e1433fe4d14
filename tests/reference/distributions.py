"""Probabilities of the values of parameters under each distribution, by scipy.

Writes distributions.json beside itself, which the test regnet-space/tests/distributions.rs reads.

    python distributions.py      (numpy 2.4, scipy 1.17)
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats

VALUES = {
    "AnyNetXA d": np.arange(1, 17),
    "AnyNetXA w": np.arange(8, 1025, 8),
    "AnyNetXA b": [1, 2, 4],
    "AnyNetXA g": [1, 2, 4, 8, 16, 32],
    "RegNetX d": np.arange(1, 64),
    "RegNetX w0": np.arange(8, 249, 8),
    "RegNetX wa": np.arange(80, 2560) / 10,
    "RegNetX wm": np.arange(1500, 3001) / 1000,
    "RegNetX b": [1, 2],
    "RegNetX g": [2, 4, *range(8, 129, 8)],
    "some depths": [12, 13, 14, 20],
    "inverted ratios": [0.25, 0.5, 1, 2],
}


def log_uniform(x):
    """A log-uniform real number, rounded up to the next value."""
    low = x[0] - min(x[0] / 2, x[1] - x[0])
    return np.diff(stats.loguniform(low, x[-1]).cdf(np.concatenate([[low], x])))


def normal(x):
    """A normal density whose ends are three standard deviations away, at the values."""
    density = stats.norm((x[0] + x[-1]) / 2, (x[-1] - x[0]) / 6).pdf(x)
    return density / density.sum()


def power_of_two(x):
    power = (np.log2(x) % 1 == 0).astype(float)
    return power / power.sum()


DISTRIBUTIONS = {
    "log-uniform": log_uniform,
    "uniform": lambda x: np.full(len(x), 1 / len(x)),
    "power-of-two": power_of_two,
    "clipped-normal": normal,
}


def case(name, distribution):
    """Up to 16 probabilities are written in full, of more those at 16 even places; the mean tells of the others."""
    x = np.asarray(VALUES[name], dtype=float)
    p = DISTRIBUTIONS[distribution](x)
    places = np.unique(np.linspace(0, len(x) - 1, 16).astype(int))
    return {
        "name": name,
        "distribution": distribution,
        "values": len(x),
        "places": places.tolist(),
        "probabilities": p[places].tolist(),
        "mean": float(p @ x),
    }


def main():
    cases = [case(name, distribution) for name in VALUES for distribution in DISTRIBUTIONS if possible(name, distribution)]
    text = ",\n".join(json.dumps(case) for case in cases)
    Path(__file__).with_suffix(".json").write_text(f"[\n{text}\n]\n")


def possible(name, distribution):
    """Some parameters are never a power of two."""
    return distribution != "power-of-two" or (np.log2(np.asarray(VALUES[name], dtype=float)) % 1 == 0).any()


if __name__ == "__main__":
    main()
