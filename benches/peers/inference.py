"""Inference on the CPU beside ONNX Runtime, PyTorch, tract, candle and burn, with the same weights. Prints a table.

It needs cargo, onnxruntime, torch, timm and safetensors; tract, candle and burn, which rust/ builds from crates.io, can be left out:

    python benches/peers/inference.py RegNetX-200MF:1,16 RegNetY-400MF:1,16
    THREADS=2 ROUNDS=3 RUNS=10 PEERS=onnxruntime,eager,channels_last,compile ISA=avx2 python benches/peers/inference.py
    PEERS=onnxruntime TAKE=least python benches/peers/inference.py RegNetX-200MF:1

In each round every competitor runs RUNS times, in turn and after a pause, since ONNX Runtime's threads stay awake for a
while; the table has the medians over all rounds, as milliseconds and as multiples of this engine's time; with TAKE=least
the least times, which others who use the machine disturb less. Logits must be as
close to those in double precision as PyTorch's are, within a factor of ten. Batch norm is folded for all but PyTorch, and
all have THREADS threads.
"""

import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import timm
import torch
from safetensors.numpy import save_file

REPOSITORY = Path(__file__).resolve().parents[2]
THREADS = int(os.environ.get("THREADS", "2"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
RUNS = int(os.environ.get("RUNS", "10"))
PEERS = os.environ.get("PEERS", "onnxruntime,eager,channels_last,compile,tract,candle,burn").split(",")
RUST_PEERS = [name for name in PEERS if name in ("tract", "candle", "burn")]
ISA = os.environ.get("ISA")
LEAST = os.environ.get("TAKE") == "least"
TIME = "min_ms" if LEAST else "median_ms"
take = min if LEAST else statistics.median
SIDE = 224
MODELS = ["RegNetX-200MF:1,16", "RegNetY-400MF:1,16", "RegNetX-600MF:1,16", "RegNetX-1.6GF:1", "RegNetY-1.6GF:1"]


def binary(folder: Path = REPOSITORY, package: str = "regnet-cli", name: str = "regnet") -> str:
    """Builds the command line, or another program; returns its path."""
    command = ["cargo", "build", "--release", "--locked", "-p", package, "--message-format=json"]
    lines = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    made = [json.loads(line) for line in lines]
    return next(m["executable"] for m in made if m.get("executable") and m["target"]["name"] == name)


def timm_name(model: str) -> str:
    """RegNetX-200MF is regnetx_002, RegNetY-1.6GF regnety_016."""
    family, size = model.split("-")
    hundreds = float(size[:-2]) / 100 if size.endswith("MF") else float(size[:-2]) * 10
    return f"{family.lower()}_{round(hundreds):03d}"


def random_network(model: str) -> torch.nn.Module:
    """timm's network with weights and statistics as if it were trained."""
    torch.manual_seed(0)
    net = timm.create_model(timm_name(model)).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 1.5)
            module.running_mean.normal_(0, 0.1)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return net


class Bench:
    def __init__(self, regnet: str, rust: str | None, model: str, folder: Path):
        self.regnet, self.rust, self.model = regnet, rust, model
        self.weights, self.onnx = folder / "weights.safetensors", folder / "model.onnx"
        self.net = random_network(model)
        save_file({name: t.numpy() for name, t in self.net.state_dict().items() if t.dim()}, self.weights)
        self.run("export", model, "--weights", self.weights, "--fold-batch-norm", "--onnx", self.onnx)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        providers = ["CPUExecutionProvider"]
        self.session = onnxruntime.InferenceSession(str(self.onnx), options, providers=providers)
        self.images = torch.randn(16, 3, SIDE, SIDE)
        self.input = folder / "input.safetensors"
        save_file({"input": self.images.numpy()}, self.input)
        self.compiled = torch.compile(self.net) if "compile" in PEERS else None
        self.versions = {}
        self.check()

    def run(self, *words) -> str:
        return subprocess.run(
            [self.regnet, *map(str, words)], check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def check(self) -> None:
        """All competitors must say the same."""
        words = ["predict", "--model", self.model, "--weights", self.weights, "--input", self.input, "--json"]
        images = self.images[:2]
        logits = {
            "regnet": np.array(json.loads(self.run(*words))["logits"])[:2],
            "onnxruntime": self.session.run(None, {"input": images.numpy()})[0],
        }
        for name in RUST_PEERS:
            figures = self.rust_peer(name, batch=2, runs=1)
            logits[name], self.versions[name] = np.array(figures["logits"]), figures["version"]
        with torch.inference_mode():
            eager = self.net(images).numpy()
            expected = copy.deepcopy(self.net).double()(images.double()).numpy()
        error = lambda logits: np.abs(logits - expected).max() / np.abs(expected).max()
        for name, theirs in logits.items():
            # Deep networks of random weights amplify rounding a thousandfold, in one order of summation more than in another.
            allowed = 1e-5 + 10 * error(eager)
            assert error(theirs) < allowed, f"{name} is {error(theirs)} off, PyTorch {error(eager)}"

    def ours(self, batch: int) -> dict:
        words = ["bench", "--model", self.model, "--weights", self.weights, "--batch", batch, "--threads", THREADS]
        return json.loads(self.run(*words, "--repeat", RUNS, "--json", *(["--isa", ISA] if ISA else [])))

    def rust_peer(self, name: str, batch: int, runs: int) -> dict:
        network = self.onnx if name == "tract" else self.weights
        command = [self.rust, name, network, "--input", self.input, "--batch", batch, "--runs", runs]
        environment = os.environ | {"RAYON_NUM_THREADS": str(THREADS)}
        words = [str(word) for word in command]
        return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)

    def peer(self, name: str, batch: int) -> float:
        """Milliseconds of the median run, or of the fastest."""
        if name in RUST_PEERS:
            return self.rust_peer(name, batch, RUNS)[TIME]
        images = self.images[:batch]
        if name == "onnxruntime":
            array = images.numpy()
            return self.measure(lambda: self.session.run(None, {"input": array}))
        net = self.compiled if name == "compile" else self.net
        layout = torch.channels_last if name != "eager" else torch.contiguous_format
        net, images = net.to(memory_format=layout), images.to(memory_format=layout)
        with torch.inference_mode():
            return self.measure(lambda: net(images))

    def measure(self, run) -> float:
        run(), run()
        times = []
        for _ in range(RUNS):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        return 1e3 * take(times)

    def rows(self, batch: int) -> str:
        times = {name: [] for name in ("regnet", *PEERS)}
        shares, frozen = [], []
        for turn in range(ROUNDS):
            for name in list(times) if turn % 2 == 0 else list(times)[::-1]:
                time.sleep(0.2)
                if name == "regnet":
                    figures = self.ours(batch)
                    times[name].append(figures[TIME])
                    shares.append(figures["peak_share"] * figures["median_ms"] / figures[TIME])
                    frozen.append(figures["freeze_ms"])
                else:
                    times[name].append(self.peer(name, batch))
        own = take(times["regnet"])
        peers = [f"{take(times[name]):.2f} ({take(times[name]) / own:.2f}x)" for name in PEERS]
        share = f"{100 * (max if LEAST else statistics.median)(shares):.0f} %"
        return f"| {self.model} | {batch} | {take(frozen):.1f} | {own:.2f} | {share} | " + " | ".join(peers) + " |"


def main() -> None:
    torch.set_num_threads(THREADS)
    regnet = os.environ.get("REGNET") or binary()
    rust = binary(Path(__file__).parent / "rust", "regnet-peers", "regnet-peers") if RUST_PEERS else None
    print(f"{THREADS} threads, ONNX Runtime {onnxruntime.__version__}, PyTorch {torch.__version__}; milliseconds\n")
    print("| model | batch | freezing | regnet | of the peak | " + " | ".join(PEERS) + " |")
    print("| --- " * (5 + len(PEERS)) + "|")
    for word in sys.argv[1:] or MODELS:
        model, batches = word.split(":")
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(regnet, rust, model, Path(folder))
            for batch in batches.split(","):
                print(bench.rows(int(batch)), flush=True)
    if RUST_PEERS:
        print("\n" + ", ".join(f"{name} {version}" for name, version in bench.versions.items()))


if __name__ == "__main__":
    main()
