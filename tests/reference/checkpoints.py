"""Random weights of every published model, loaded by name and compared through the command line.

    python checkpoints.py REGNET [--pycls FOLDER] [--only TEXT] [--most GIGAFLOPS] [--table FILE]
    python checkpoints.py --fixtures [--pycls FOLDER]

REGNET is the `regnet` binary (build it with --release). For each model of timm (regnetx and regnety up to 16GF),
torchvision (all constructors up to 32GF) and pycls (all 24), a checkpoint is written as that library's users have it
(safetensors; `torch.save` of a state dict; a pycls checkpoint in a `model_state`), read by `regnet predict --input
--json` with nothing but the file's name, and its logits are compared with the library's own in f64: at 224 and 193
pixels, in evaluation and training mode, in f32 and f64. Errors are max |a - b| / max |b|. Exits with 1 if one is over
1e-4 (f32) or 1e-9 (f64).

FOLDER is a clone of github.com/facebookresearch/pycls; without it pycls's rows are left out. --fixtures writes the
small files of `checkpoints/` instead, which the test suite loads.
"""

import argparse
import copy
import json
import random
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import timm
import torch
import torchvision
from safetensors.torch import save_file
from timm.models.regnet import RegNet as TimmRegNet
from timm.models.regnet import RegNetCfg
from torch import nn
from torchvision.models import regnet as tv

from formula import FOLDER, tensor
from module import TORCHVISION, fill

SIZES = ["002", "004", "006", "008", "016", "032", "040", "064", "080", "120", "160"]
TORCHVISION_MODELS = [
    f"regnet_{family}_{size}" for size in ["400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf"] for family in "xy"
]
BOUNDS = {"f32": 1e-4, "f64": 1e-9}


def load_pycls(folder: str):
    """pycls's model code, without what it needs to train on clusters; a function from a configuration to a network."""
    sys.path.insert(0, folder)
    package = types.ModuleType("pycls.models")
    package.__path__ = [str(Path(folder) / "pycls/models")]
    sys.modules["pycls.models"] = package
    from pycls.core import config
    from pycls.models.regnet import RegNet

    def build(file=None, **regnet):
        config.reset_cfg()
        if file:
            config.cfg.merge_from_file(str(file))
        for key, value in regnet.items():
            if key == "NUM_CLASSES":
                config.cfg.MODEL.NUM_CLASSES = value
            else:
                config.cfg.REGNET[key] = value
        return RegNet()

    return build


def randomise(module: nn.Module, seed: int) -> nn.Module:
    """Random weights, and running statistics that are near the features' own, so that no layer runs empty."""
    torch.manual_seed(seed)
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.6, 1.4)
            norm.bias.normal_(0, 0.2)
            norm.momentum = 1.0
        for name, parameter in module.named_parameters():
            if name.endswith("fc.weight"):
                parameter.normal_(0, 0.05)
            elif name.endswith("fc.bias"):
                parameter.normal_(0, 0.1)
        module.train()(torch.randn(4, 3, 64, 64))
        for norm in norms:
            norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
            norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.7, 1.4)
            norm.momentum = 0.1
    return module.eval()


def cases(args):
    """(library, name, gigaflops, module) of every model, small ones first."""
    for size in SIZES:
        for family in "xy":
            name = f"regnet{family}_{size}"
            yield "timm", name, int(size) / 10, lambda name=name: timm.create_model(name)
    for name in TORCHVISION_MODELS:
        size = name.split("_", 2)[2]
        flops = float(size[:-2].replace("_", ".")) / (1000 if size.endswith("mf") else 1)
        yield "torchvision", name, flops, lambda name=name: getattr(torchvision.models, name)()
    if args.pycls:
        build = load_pycls(args.pycls)
        for file in Path(args.pycls).glob("configs/dds_baselines/regnet[xy]/*.yaml"):
            name = file.name.split("_")[0]
            size = name.split("-")[1]
            flops = float(size[:-2]) / (1000 if size.endswith("MF") else 1)
            yield "pycls", name, flops, lambda file=file: build(file)


def save(library: str, module: nn.Module, folder: Path) -> Path:
    """A checkpoint as the library's users have it."""
    state = module.state_dict()
    if library == "timm":
        path = folder / "model.safetensors"
        save_file(state, path, metadata={"format": "pt"})
    elif library == "torchvision":
        path = folder / "model.pth"
        torch.save(state, path)
    else:
        path = folder / "model.pyth"
        optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
        checkpoint = {"epoch": 99, "test_err": 20.0, "ema_err": 100.0, "model_state": state}
        torch.save(checkpoint | {"optimizer_state": optimizer.state_dict(), "cfg": "MODEL:\n  TYPE: regnet\n"}, path)
    return path


def reference(library: str, module: nn.Module, x: torch.Tensor, train: bool) -> torch.Tensor:
    """The library's logits in f64. pycls's networks see blue, green and red."""
    module = copy.deepcopy(module).double().train(train)
    with torch.no_grad():
        return module(x.double().flip(1) if library == "pycls" else x.double())


def predict(regnet: str, path: Path, x: torch.Tensor, train: bool, dtype: str, folder: Path) -> torch.Tensor:
    """The command line's logits."""
    file = folder / "input.safetensors"
    save_file({"input": x}, file)
    command = [regnet, "predict", "--weights", path, "--input", file, "--json", "--dtype", dtype]
    command += ["--batch", str(len(x))] + ["--batch-statistics"] * train
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode != 0:
        raise RuntimeError(said.stderr)
    return torch.tensor(json.loads(said.stdout)["logits"], dtype=torch.float64)


def compare(args, library: str, name: str, module: nn.Module) -> dict:
    """The errors of one model."""
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        path = save(library, module, folder)
        for size in args.sizes:
            x = torch.randn(2, 3, size, size)
            for train in [False, True]:
                expected = reference(library, module, x, train)
                for dtype in BOUNDS:
                    found = predict(args.regnet, path, x, train, dtype, folder)
                    error = float((found - expected).abs().max() / expected.abs().max())
                    errors[f"{dtype} {'train' if train else 'eval'} {size}"] = error
    return errors


def check_all(args) -> bool:
    """Prints a row for each model as it is done; whether all are within bounds."""
    sound = True
    table = open(args.table, "a") if args.table else None
    done = {tuple(json.loads(line)[:2]) for line in open(args.table)} if args.table else set()
    chosen = [case for case in cases(args) if case[2] <= args.most and args.only in f"{case[0]} {case[1]}"]
    for library, name, _, build in sorted(chosen, key=lambda case: case[2]):
        if (library, name) in done:
            continue
        start = time.time()
        errors = compare(args, library, name, randomise(build(), random.Random(name).randrange(1 << 30)))
        within = all(error < BOUNDS[key[:3]] for key, error in errors.items())
        sound &= within
        words = "  ".join(f"{key} {error:.1e}" for key, error in errors.items())
        print(f"{'ok  ' if within else 'FAIL'} {library:11} {name:16} {words}  ({time.time() - start:.0f} s)", flush=True)
        if table:
            print(json.dumps([library, name, errors]), file=table, flush=True)
    return sound


# The network of the fixtures: RegNetY blocks, 8 to 32 channels.
TINY = {"depth": 5, "w0": 8, "wa": 6.0, "wm": 1.6, "group": 4, "se": 0.25, "stem": 8, "classes": 7}


def timm_tiny() -> nn.Module:
    t = TINY
    cfg = RegNetCfg(t["depth"], t["w0"], t["wa"], t["wm"], t["group"], se_ratio=t["se"], stem_width=t["stem"])
    return TimmRegNet(cfg, num_classes=t["classes"])


def torchvision_tiny() -> nn.Module:
    t = TINY
    blocks = tv.BlockParams.from_init_params(t["depth"], t["w0"], t["wa"], t["wm"], t["group"], se_ratio=t["se"])
    return tv.RegNet(blocks, num_classes=t["classes"], stem_width=t["stem"])


def features(module: nn.Module, x: torch.Tensor) -> dict:
    """What timm's stem and stages put out."""
    maps = {}
    for part in ["stem", "s1", "s2", "s3", "s4"]:
        if hasattr(module, part):
            x = maps[part] = getattr(module, part)(x)
    return maps


def fixtures(args) -> None:
    """The files of `checkpoints/`: the same network in each library's hands, and what it makes of an input."""
    folder = FOLDER / "checkpoints"
    folder.mkdir(exist_ok=True)
    module = fill(timm_tiny().float()).eval()
    state = module.state_dict()
    save_file(state, folder / "timm.safetensors", metadata={"format": "pt"})
    theirs = fill(torchvision_tiny().float(), TORCHVISION).eval()
    torch.save(theirs.state_dict(), folder / "torchvision.pth")
    torch.save({"state_dict": {f"module.{key}": value for key, value in theirs.state_dict().items()}, "epoch": 3},
               folder / "torchvision_legacy.pth", _use_new_zipfile_serialization=False)
    build = load_pycls(args.pycls)
    t = TINY
    original = build(DEPTH=t["depth"], W0=t["w0"], WA=t["wa"], WM=t["wm"], GROUP_W=t["group"], SE_ON=True,
                     SE_R=t["se"], STEM_W=t["stem"], NUM_CLASSES=t["classes"])
    original = fill(original.float()).eval()
    # Written with the first convolution turned around, so that the same images give the same logits.
    turned = copy.deepcopy(original)
    turned.stem.conv.weight.data = turned.stem.conv.weight.data.flip(1).contiguous()
    torch.save({"epoch": 99, "test_err": 20.0, "model_state": turned.state_dict(), "cfg": "MODEL: {}\n"},
               folder / "pycls.pyth")

    x = torch.from_numpy(tensor("input", (2, 3, 33, 31)))
    expected = {"shape": list(x.shape), "network": TINY}
    for mode in ["eval", "train"]:
        copies = [copy.deepcopy(m).double().train(mode == "train") for m in (module, theirs, original)]
        with torch.no_grad():
            logits = [copy(x) for copy in copies]
        assert all((other - logits[0]).abs().max() < 1e-12 for other in logits[1:]), "the libraries disagree"
        expected[mode] = logits[0].tolist()
    with torch.no_grad():
        maps = features(copy.deepcopy(module).double().eval(), x)
    # Of each part's maps the sums over height and width of the first image.
    expected["features"] = {part: maps[part][0].sum((1, 2)).tolist() for part in maps}
    expected["keys"] = {"timm": list(state), "torchvision": list(theirs.state_dict()), "pycls": list(original.state_dict())}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in expected.items()]
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for file in sorted(folder.iterdir()):
        print(f"{file.name}: {file.stat().st_size} bytes")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("regnet", nargs="?")
    parser.add_argument("--fixtures", action="store_true")
    parser.add_argument("--pycls")
    parser.add_argument("--only", default="")
    parser.add_argument("--most", type=float, default=32.0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 193])
    parser.add_argument("--table")
    args = parser.parse_args()
    if args.table:
        Path(args.table).touch()
    if args.fixtures:
        fixtures(args)
        return 0
    return 0 if check_all(args) else 1


if __name__ == "__main__":
    sys.exit(main())
