"""The frozen engine where it has not all cores for itself. Prints a table of milliseconds for an image: median and mean.

    cargo build --release -p regnet-cli
    python benches/contention.py target/release/regnet 'target/release/regnet --no-spin'
    MODEL=RegNetX-400MF RUNS=200 ROUNDS=5 PROCESSES=4 python benches/contention.py OLD NEW

Each argument is a program with options for its `bench`, in quotes. They take turns, ROUNDS times each in every setting, so
that whatever else the machine does falls on all alike; a figure is the median over the rounds. The settings are: nothing
else on the machine, a busy loop on the first core, and PROCESSES at once; each with one thread and with one a core.
"""

import contextlib
import json
import os
import shlex
import statistics
import subprocess
import sys

MODEL = os.environ.get("MODEL", "RegNetX-200MF")
RUNS = os.environ.get("RUNS", "100")
ROUNDS = int(os.environ.get("ROUNDS", "3"))
PROCESSES = int(os.environ.get("PROCESSES", "4"))
CORES = sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def busy(core):
    """A loop on a core, for as long as it is needed."""
    loop = subprocess.Popen(
        [sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def bench(command, threads, processes):
    """Median and mean of some processes at once, in milliseconds."""
    program, *options = shlex.split(command)
    line = [program, "bench", "--model", MODEL, "--repeat", RUNS, "--threads", str(threads), "--json", *options]
    started = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    said = []
    for process in started:
        out, _ = process.communicate()
        if process.returncode != 0:
            sys.exit(f"{shlex.join(line)} failed")
        said.append(json.loads(out))
    return [statistics.mean(figures[name] for figures in said) for name in ("median_ms", "mean_ms")]


def main():
    commands = sys.argv[1:] or ["target/release/regnet"]
    threads = [1, len(CORES)] if len(CORES) > 1 else [1]
    settings = [
        (f"{what}, {count} thread{'s' * (count > 1)}", count, processes, core)
        for what, processes, core in [
            ("alone", 1, None),
            ("a busy core", 1, CORES[0]),
            (f"{PROCESSES} processes", PROCESSES, None),
        ]
        for count in threads
    ]
    print("|  | " + " | ".join(f"`{command}`" for command in commands) + " |")
    print("| --- |" + " --- |" * len(commands))
    for name, count, processes, core in settings:
        rounds = [[] for _ in commands]
        with busy(core) if core is not None else contextlib.nullcontext():
            for _ in range(ROUNDS):
                for figures, command in zip(rounds, commands):
                    figures.append(bench(command, count, processes))
        cells = ([statistics.median(column) for column in zip(*figures)] for figures in rounds)
        print(f"| {name} | " + " | ".join(f"{median:.1f} / {mean:.1f}" for median, mean in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
