"""Training and inference on a GPU beside PyTorch, with the limits of the card. Prints a table.

It needs an NVIDIA GPU, cargo with what `regnet-core/cuda-toolkit` needs, and what inference.py needs:

    source TOOLKIT/environment && python benches/peers/gpu.py
    MODELS=RegNetX-200MF BATCHES=64 MODES=train RUNS=50 python benches/peers/gpu.py

Each row is a network, a mode, a batch and a format of matrix products (and, in PyTorch, convolutions): f32, TF32, or bf16, for
which PyTorch's autocast keeps activations in bf16, too, while this project keeps them in f32. Numbers are
images a second: this project, PyTorch eager (channels_last) and torch.compile, measured in turn in one run. Two floors follow:
the time that the operations take at the card's measured rate of matrix products in that format, and the time that the least
traffic takes at its measured rate of copies (`regnet bench` says both amounts); the last column is the larger floor over this
project's time.
"""

import json
import os
import statistics
import subprocess
import time

import timm
import torch

from inference import REPOSITORY, timm_name

MODELS = os.environ.get("MODELS", "RegNetX-200MF,RegNetY-400MF,RegNetX-3.2GF").split(",")
BATCHES = [int(batch) for batch in os.environ.get("BATCHES", "64,256").split(",")]
FORMATS = os.environ.get("FORMATS", "f32,tf32,bf16").split(",")
MODES = os.environ.get("MODES", "infer,train").split(",")
RUNS = int(os.environ.get("RUNS", "30"))
DEVICE = os.environ.get("DEVICE", "cuda:0")
SIDE = 224


def binary() -> str:
    command = ["cargo", "build", "--release", "-p", "regnet-cli", "--features", "cuda", "--message-format=json"]
    lines = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()
    made = [json.loads(line) for line in lines]
    return next(m["executable"] for m in made if m.get("executable") and m["target"]["name"] == "regnet")


def products(format: str):
    """PyTorch's products in a format, as a context."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = format != "f32"
    return torch.autocast("cuda", torch.bfloat16, enabled=format == "bf16")


def seconds(run) -> float:
    """The median of RUNS, after some that are not measured."""
    for _ in range(5):
        run()
    times = []
    for _ in range(RUNS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def copied_bytes() -> float:
    """Bytes read and written in a second by a large copy."""
    source = torch.empty(1 << 28, device=DEVICE)
    target = torch.empty_like(source)
    return 2 * source.nbytes / seconds(lambda: target.copy_(source))


def multiplied(format: str) -> float:
    """Operations in a second by a large matrix product."""
    side = 8192
    a, b = torch.randn(side, side, device=DEVICE), torch.randn(side, side, device=DEVICE)
    if format == "bf16":
        a, b = a.bfloat16(), b.bfloat16()
    with products(format):
        return 2 * side**3 / seconds(lambda: a @ b)


def peer(model: str, mode: str, batch: int, format: str, compiled: bool) -> float:
    """PyTorch's images a second."""
    torch.manual_seed(0)
    net = timm.create_model(timm_name(model)).to(DEVICE, memory_format=torch.channels_last)
    images = torch.randn(batch, 3, SIDE, SIDE, device=DEVICE).to(memory_format=torch.channels_last)
    labels = torch.arange(batch, device=DEVICE) % 1000
    net.train(mode == "train")
    run = torch.compile(net) if compiled else net

    def infer():
        with products(format):
            return run(images)

    if mode == "infer":
        with torch.inference_mode():
            return batch / seconds(infer)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0, momentum=0.9, weight_decay=5e-5, nesterov=True)
    loss_of = torch.nn.CrossEntropyLoss(label_smoothing=0.1)

    def step():
        with products(format):
            logits = run(images)
            loss = loss_of(logits, labels)
        # As `regnet bench` does: the score of every step is read.
        (logits.argmax(1) == labels).sum().item(), loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return batch / seconds(step)


def ours(regnet: str, model: str, mode: str, batch: int, format: str) -> dict:
    words = ["bench", "--model", model, "--device", DEVICE, "--mode", mode, "--batch", batch, "--repeat", RUNS, "--json"]
    command = [regnet, *map(str, words), "--products", format]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    regnet, bandwidth = binary(), copied_bytes()
    rate = {format: multiplied(format) for format in FORMATS}
    rates = ", ".join(f"{rate[format] / 1e12:.1f} in {format}" for format in FORMATS)
    print(f"{torch.cuda.get_device_name(DEVICE)}, PyTorch {torch.__version__}: copies {bandwidth / 1e9:.0f} GB/s, "
          f"products (TFLOP/s) {rates}\n")
    print("| network | mode | batch | format | regnet | eager | compile | over eager | arithmetic (ms) | memory (ms) | of floor |")
    print("| :-- | :-- | --: | :-- | --: | --: | --: | --: | --: | --: | --: |")
    for model in MODELS:
        for mode in MODES:
            for batch in BATCHES:
                for format in FORMATS:
                    mine = ours(regnet, model, mode, batch, format)
                    eager, compiled = (peer(model, mode, batch, format, compiled) for compiled in (False, True))
                    speed = mine["images_per_second"]
                    arithmetic = 1e3 * mine["operations"] / rate[format]
                    memory = 1e3 * mine["least_bytes"] / bandwidth
                    share = max(arithmetic, memory) / mine["median_ms"]
                    print(f"| {model} | {mode} | {batch} | {format} | {speed:.0f} | {eager:.0f} | {compiled:.0f} "
                          f"| {speed / eager:.2f}x | {arithmetic:.2f} | {memory:.2f} | {100 * share:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
