"""A training step of RegNet-20(ConvLSTM) beside the same network in PyTorch, on the CPU. Prints a table.

Depth 20, 32x32 images, batch 128, 32-bit numbers: forward, backward and SGD with momentum. It needs cargo and PyTorch:

    THREADS=2 python benches/peers/regulated.py

Processes of either take turns (ROUNDS, 3), each with a few steps after one that is not counted; the table has the
medians of all steps. "one convolution a gate" is the network of tests/reference, "all gates at once" the same with the four gates'
convolutions joined, as one would write it for speed.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
THREADS = int(os.environ.get("THREADS", "2"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
BATCH, SIDE, CLASSES, STEPS = 128, 32, 10, 3
FORMATS = ("contiguous_format", "channels_last")
PEERS = [(gates, layout) for gates in ("one convolution a gate", "all gates at once") for layout in FORMATS]


def network(gates: str):
    sys.path.insert(0, str(REPOSITORY / "tests" / "reference"))
    import torch
    from regulated import CIFAR
    from regulator import Full, Network

    class Joined(Full):
        """An lstm whose four gates are one convolution."""

        def step(self, x, state, stride):
            h, c = state
            weight = torch.cat([self.x.weight, self.h.weight], 1)
            maps = torch.nn.functional.conv2d(torch.cat([x, h], 1), weight, self.bias, padding=1)
            i, f, o, g = maps.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            return torch.sigmoid(o) * torch.tanh(c), c

    net = Network(CIFAR | {"depths": [3, 3, 3], "cell": "lstm", "conv": "full", "share": "stage", "se_ratio": 0})
    for parameter in net.parameters():
        if parameter.dim() > 1:
            torch.nn.init.kaiming_normal_(parameter)
    if gates == "all gates at once":
        for number in (1, 2, 3):
            getattr(net, f"s{number}").r.__class__ = Joined
    return net


def steps_of_pytorch(gates: str, layout: str) -> None:
    """Prints the seconds of each step."""
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    layout = getattr(torch, layout)
    net = network(gates).to(memory_format=layout)
    sgd = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=5e-5)
    images = torch.randn(BATCH, 3, SIDE, SIDE).to(memory_format=layout)
    labels = torch.arange(BATCH) % CLASSES
    for step in range(STEPS + 1):
        start = time.perf_counter()
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(net(images), labels).backward()
        sgd.step()
        if step > 0:
            print(time.perf_counter() - start)


def build() -> str:
    """The benchmark of regnet's steps, built."""
    command = ["cargo", "bench", "-p", "regnet-train", "--bench", "regulated", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    messages = [json.loads(line) for line in lines]
    return next(message["executable"] for message in reversed(messages) if message.get("executable"))


def run(command: list) -> list:
    """The seconds of each step of a process."""
    environment = os.environ | {"RAYON_NUM_THREADS": str(THREADS)}
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    return [float(line) for line in out.splitlines()]


def main() -> None:
    commands = {"regnet": [build()]}
    for gates, layout in PEERS:
        commands[f"PyTorch, {gates}, {layout}"] = [sys.executable, __file__, gates, layout]
    seconds = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            seconds[name] += run(command)
    print(f"| step of RegNet-20(ConvLSTM), batch {BATCH}, {THREADS} threads | seconds |\n| --- | --- |")
    for name, steps in seconds.items():
        print(f"| {name} | {statistics.median(steps):.2f} |")


if __name__ == "__main__":
    steps_of_pytorch(*sys.argv[1:]) if len(sys.argv) > 1 else main()
