"""What regnet-space's statistics say of a few samples, by numpy and scipy; and e_fit by trying every line.

Writes population_statistics.json beside itself; the tests are regnet-space/tests/statistics.rs.

    python population_statistics.py      (numpy 2, scipy 1.15 or later)
"""

import itertools
import json
from pathlib import Path

import numpy as np
import scipy.special
import scipy.stats


class SplitMix64:
    """The generator of regnet-space (Steele, Lea and Flood, 2014)."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def below(self, n):
        return (self.next() * n) >> 64


def edfs(samples, weights):
    """F at and between the values: strictly below by searchsorted, up to and with by scipy, weighted by an average."""
    cases = []
    for name, values in samples.items():
        values, w = np.array(values), np.array(weights[name])
        at = np.concatenate([np.sort(values)[::5], np.linspace(0.2, 0.8, 7)])
        cases.append(
            {
                "sample": name,
                "at": at.tolist(),
                "below": (np.searchsorted(np.sort(values), at, side="left") / len(values)).tolist(),
                "up_to": scipy.stats.ecdf(values).cdf.evaluate(at).tolist(),
                "weighted": [float(np.average(values < e, weights=w)) for e in at],
                "weighted_mean": float(np.average(values, weights=w)),
            }
        )
    return cases


def kolmogorov_smirnov(samples):
    cases = []
    for a, b in itertools.combinations(samples, 2):
        test = scipy.stats.ks_2samp(samples[a], samples[b], method="exact")
        cases.append({"a": a, "b": b, "distance": float(test.statistic), "p_value": float(test.pvalue)})
    return cases


def resampled(values, rng):
    return np.mean([values[rng.below(len(values))] for _ in values])


def bootstrap(samples, replicates=1_000):
    """Intervals from the very same draws, and scipy's, from many draws of its own."""
    cases = []
    many = {"method": "percentile", "n_resamples": 200_000, "batch": 1_000}
    for seed, (a, b) in enumerate(itertools.combinations(samples, 2)):
        x, y = np.array(samples[a]), np.array(samples[b])
        rng = SplitMix64(seed)
        means = [resampled(x, rng) for _ in range(replicates)]
        rng = SplitMix64(seed)
        differences = [resampled(x, rng) - resampled(y, rng) for _ in range(replicates)]
        mean = scipy.stats.bootstrap((x,), np.mean, rng=np.random.default_rng(seed), **many)
        difference = scipy.stats.bootstrap(
            (x, y),
            lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
            rng=np.random.default_rng(seed),
            **many,
        )
        cases.append(
            {
                "a": a,
                "b": b,
                "seed": seed,
                "replicates": replicates,
                "mean": np.percentile(means, [2.5, 97.5]).tolist(),
                "difference": np.percentile(differences, [2.5, 97.5]).tolist(),
                "scipy_mean": list(map(float, mean.confidence_interval)),
                "scipy_difference": list(map(float, difference.confidence_interval)),
            }
        )
    return cases


def best_range(parameters, errors, rng, draws=400_000):
    """As pycls does it: argmin of a quarter of the pairs, drawn with replacement, over and over."""
    parameters, errors = np.array(parameters), np.array(errors)
    picked = rng.integers(len(errors), size=(draws, max(1, len(errors) // 4)))
    best = picked[np.arange(draws), np.argmin(errors[picked], axis=1)]
    return np.percentile(parameters[best], [2.5, 50, 97.5], method="inverted_cdf").tolist()


def best_ranges(samples, parameters):
    rng = np.random.default_rng(1)
    return [
        {"sample": name, "range": best_range(parameters[name], errors, rng)} for name, errors in samples.items()
    ]


def equal_complexity(populations, bins):
    """1 / (bins * networks in the bin), over the bins that all populations fill."""
    low = max(map(min, populations))
    high = min(map(max, populations))
    edges = np.linspace(low, high, bins + 1)
    histograms = [np.histogram(costs, edges)[0] for costs in populations]
    shared = np.all([counts > 0 for counts in histograms], axis=0)
    weights = []
    for costs, counts in zip(populations, histograms):
        place = np.clip(np.searchsorted(edges, costs, side="right") - 1, 0, bins - 1)
        inside = (low <= np.array(costs)) & (np.array(costs) <= high) & shared[place]
        weights.append(np.where(inside, 1 / (shared.sum() * np.maximum(counts[place], 1)), 0).tolist())
    return weights


def expected_best(errors):
    """Of few errors over every set; of many by the binomial coefficients."""
    n = len(errors)
    if n <= 12:
        sets = (itertools.combinations(errors, k) for k in range(1, n + 1))
        return [float(np.mean([min(one) for one in of_k])) for of_k in sets]
    comb, rising = scipy.special.comb, np.sort(errors)
    below = n - np.arange(1, n + 1)
    return [float(np.sum(rising * comb(below, k - 1) / comb(n, k))) for k in range(1, n + 1)]


def line_fit(depths, widths):
    """The least mean |ln(line / width)| of every w0 and wm of the grid, with a slope between any two where a block
    changes its width."""
    observed = np.log(np.repeat(widths, depths))
    j = np.arange(len(observed))
    least = np.inf
    for w0, hundredths in itertools.product(range(8, 256, 8), range(150, 301)):
        wm = hundredths / 100
        powers = np.arange(40)
        changes = (w0 * (wm ** (powers + 0.5) - 1))[:, None] / j[None, 1:] if len(j) > 1 else np.array([])
        changes = np.unique(np.concatenate([[0, 256], changes[changes < 256]]))
        for wa in (changes[1:] + changes[:-1]) / 2:
            s = np.round(np.log((w0 + wa * j) / w0) / np.log(wm))
            width = np.round(w0 * wm**s / 8) * 8
            least = min(least, np.mean(np.abs(np.log(width) - observed)))
    return float(least)


def line_fits():
    networks = [
        ([1, 3, 5, 7], [48, 96, 240, 528]),
        ([1, 1, 2, 4], [32, 56, 80, 88]),
        ([2, 1, 3, 1], [256, 64, 512, 16]),
        ([1, 2, 2, 3], [24, 24, 160, 1024]),
        ([3, 3, 3], [16, 32, 64]),
        ([1], [1024]),
    ]
    return [{"depths": d, "widths": w, "error": line_fit(d, w)} for d, w in networks]


def main():
    rng = np.random.default_rng(2020)
    samples = {
        "few": rng.normal(0.5, 0.05, 10).tolist(),
        "a": rng.normal(0.45, 0.08, 24).tolist(),
        "b": rng.normal(0.40, 0.06, 37).tolist(),
        "tied": np.round(rng.normal(0.42, 0.06, 40), 2).tolist(),
    }
    weights = {name: rng.uniform(0, 3, len(values)).tolist() for name, values in samples.items()}
    parameters = {name: rng.integers(1, 40, len(values)).tolist() for name, values in samples.items()}
    costs = {name: rng.uniform(4e6, (7 + i) * 1e6, len(v)).round().tolist() for i, (name, v) in enumerate(samples.items())}
    populations = [costs[name] for name in ("a", "b", "tied")]
    written = {
        "samples": samples,
        "weights": weights,
        "parameters": parameters,
        "edfs": edfs(samples, weights),
        "kolmogorov_smirnov": kolmogorov_smirnov(samples),
        "bootstrap": bootstrap(samples),
        "best_ranges": best_ranges(samples, parameters),
        "costs": costs,
        "equal_complexity": [
            {"bins": bins, "weights": equal_complexity(populations, bins)} for bins in (1, 4, 10)
        ],
        "expected_best": [{"sample": name, "errors": expected_best(values)} for name, values in samples.items()],
        "line_fits": line_fits(),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
