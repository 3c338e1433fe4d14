"""Checks `regnet export --onnx` with ONNX's checker and ONNX Runtime. Needs onnx, onnxruntime and safetensors.

    python onnx_check.py target/release/regnet

For each network: random weights and running statistics, under the names and shapes of the initialisers of an export;
exported with and without folding, at the first and the last opset; the checker with shape inference, which compares the
shapes written in the file; and logits of ONNX Runtime against `regnet predict`, for batches of 1 and 3.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import save_file

TOLERANCE = 1e-4

# network, side of the images
NETWORKS = [
    ("RegNetX-200MF", 224),
    ("RegNetX-400MF --b 2 --stem resnet:32", 97),
    ("RegNetY-400MF", 224),
    ("resnet-50.json", 224),
    ("resnet-18.json", 97),
    ("vgg-like.json", 33),
    ("self-regulated-20 --cell lstm", 32),
    ("self-regulated-20 --cell gru", 32),
    ("self-regulated-20 --cell rnn --se", 32),
    ("self-regulated-20 --cell lstm --cell-conv efficient --cell-share block --cell-carry", 33),
    ("self-regulated-20 --cell gru --cell-conv efficient --cell-carry", 32),
    ("self-regulated-20 --cell rnn --cell-conv efficient --cell-share block", 32),
    ("self-regulated-50 --cell lstm", 97),
    ("RegNetY-200MF --cell gru --cell-conv efficient --cell-carry", 97),
    ("RegNetX-200MF --cell rnn --cell-carry", 65),
]


def stages(block: str, depths: list, widths: list, strides: list, bottleneck: float, inner: int) -> dict:
    """A network in the form that `regnet` reads."""
    rows = zip(depths, widths, strides)
    return {
        "input_channels": 3, "stem": "resnet", "stem_width": 64, "block": block, "classes": 1000,
        "stages": [
            {"depth": d, "width": w, "stride": s, "bottleneck": bottleneck, "group_width": w // inner}
            for d, w, s in rows
        ],
    }


FILES = {
    "resnet-50.json": stages("bottleneck", [3, 4, 6, 3], [256, 512, 1024, 2048], [1, 2, 2, 2], 4, 4),
    "resnet-18.json": stages("basic", [2, 2, 2, 2], [64, 128, 256, 512], [1, 2, 2, 2], 1, 1),
    "vgg-like.json": stages("vanilla", [1, 2], [64, 96], [1, 2], 1, 1),
}


class Regnet:
    """The command line."""

    def __init__(self, binary: str, folder: Path):
        self.binary, self.folder = binary, folder

    def __call__(self, *words) -> str:
        return subprocess.run([self.binary, *map(str, words)], check=True, capture_output=True, text=True).stdout

    def network(self, text: str) -> list:
        """The words of a network, with the path of its file."""
        return [str(self.folder / word) if word in FILES else word for word in text.split()]


def random_weights(model: onnx.ModelProto, rng: np.random.Generator) -> dict:
    """Tensors under the names of a file's initialisers, of a size that keeps activations near 1."""
    tensors = {}
    for initializer in model.graph.initializer:
        shape, name = tuple(initializer.dims), initializer.name
        if initializer.data_type != onnx.TensorProto.FLOAT:
            continue
        values = rng.standard_normal(shape)
        if len(shape) > 1:
            values *= np.sqrt(2 / np.prod(shape[1:]))
        elif name.endswith("var"):
            values = rng.uniform(0.5, 1.5, shape)
        elif name.endswith(("weight", "scale")):
            values = 1 + 0.2 * values
        else:
            values *= 0.2
        tensors[name] = np.ascontiguousarray(values, dtype=np.float32)
    return tensors


def logits(file: Path, images: np.ndarray) -> np.ndarray:
    """ONNX Runtime's."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input": images})[0]


def run_folder(regnet: Regnet, card: dict, words: list, side: int, rng: np.random.Generator) -> Path:
    """A folder as `regnet train` writes it, of a network with random weights."""
    folder, fresh = regnet.folder / "run", regnet.folder / "fresh.onnx"
    folder.mkdir(exist_ok=True)
    shown = json.loads(regnet("show", *words, "--size", side, "--json"))
    classes = [f"class {i}" for i in range(shown["classes"])]
    card = card | {"network": shown["network"], "input": [3, side, side], "classes": classes}
    (folder / "model.json").write_text(json.dumps(card))
    regnet("export", "--onnx", fresh, *words, "--size", side, "--seed", 1)
    save_file(random_weights(onnx.load(fresh), rng), folder / "model.safetensors")
    return folder


def check(regnet: Regnet, card: dict, network: str, side: int, rng: np.random.Generator) -> float:
    """The largest relative error of any export."""
    run = run_folder(regnet, card, regnet.network(network), side, rng)
    given, file = regnet.folder / "input.safetensors", regnet.folder / "net.onnx"
    worst = 0.0
    for batch in (1, 3):
        images = rng.standard_normal((batch, 3, side, side)).astype(np.float32)
        save_file({"input": images}, given)
        expected = np.array(json.loads(regnet("predict", "--weights", run, "--input", given, "--json"))["logits"])
        for options in ([], ["--fold-batch-norm"], ["--opset", 23], ["--fold-batch-norm", "--dynamic-size"],
                        ["--static-batch", batch]):
            regnet("export", "--onnx", file, run, *options)
            onnx.checker.check_model(onnx.load(file), full_check=True)
            error = np.abs(logits(file, images) - expected).max() / np.abs(expected).max()
            assert error < TOLERANCE, f"{network} {options}, batch {batch}: {error}"
            worst = max(worst, error)
    return worst


def small_run(regnet: Regnet) -> dict:
    """The description of a network that was trained, for all that it says beside the network."""
    folder = regnet.folder / "small"
    regnet("train", *"--d 2 --w0 8 --wa 8 --wm 2 --g 8 --space any --epochs 1 --out".split(), folder)
    return json.loads((folder / "model.json").read_text())


def main() -> None:
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        regnet = Regnet(sys.argv[1], Path(folder))
        for name, network in FILES.items():
            (regnet.folder / name).write_text(json.dumps(network))
        card = small_run(regnet)
        for network, side in NETWORKS:
            print(f"{network}, {side} x {side}: {check(regnet, card, network, side, rng):.1e}", flush=True)


if __name__ == "__main__":
    main()
