#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""onnx-runtime.py TOOL VALUES MODEL

Runs the files that `ccstereo export` makes of MODEL, and of random models, in
ONNX Runtime and compares the results with those of the library: the largest
difference, in the largest value of the item, is below 1e-5. TOOL and VALUES are
the programs `ccstereo` and `onnx-values`. Speaks TAP. Skipped where the Python
packages onnxruntime and numpy are not installed; with the package onnx the
files are checked against ONNX's own rules too. CCSTEREO_PYTHON names the
interpreter to run with (default: python3 of the PATH).
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PYTHON = os.environ.pop("CCSTEREO_PYTHON", None)
if PYTHON:
    os.execv(PYTHON, [PYTHON, *sys.argv])

try:
    import numpy
    import onnxruntime
except ImportError as missing:
    print(f"1..0 # SKIP {missing.name} is not installed for {sys.executable}")
    sys.exit(0)
try:
    import onnx
except ImportError:
    onnx = None

BOUND = 1e-5
# Name, (backbone, dim_scale) of a random model or None for MODEL.
CASES = [("default model", None), ("random ResNet-50", (50, 1)),
         ("random ResNet-18, dim_scale 3", (18, 3))]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.strip()}")


def array(folder, name, shape, dtype=numpy.float32):
    return numpy.fromfile(folder / name, dtype).reshape(-1, *shape)


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options,
                                        providers=["CPUExecutionProvider"])


def relative_error(found, expected):
    """Largest over the items."""
    axes = tuple(range(1, expected.ndim))
    return (abs(found - expected).max(axes) / abs(expected).max(axes)).max()


def compare(path, inputs, expected):
    """The largest error with all items in a batch, and with one alone."""
    net = session(path)
    names = [value.name for value in net.get_inputs()]
    assert sorted(names) == sorted(inputs), f"inputs are called {names}"
    single = {name: value[-1:] for name, value in inputs.items()}
    return max(relative_error(net.run(None, inputs)[0], expected),
               relative_error(net.run(None, single)[0], expected[-1:]))


def errors_of(model, tool, values, folder):
    """The encoder's and the audio net's largest relative error."""
    run(tool, "export", model, "--onnx", folder / "out")
    run(values, model, folder)
    frames = array(folder, "frames", (224, 448, 3), numpy.uint8)
    mix = array(folder, "mix", (10080,))
    difference = array(folder, "difference", (10080,))
    features = numpy.fromfile(folder / "features", numpy.float32)
    features = features.reshape(len(mix), 7, 14, -1)
    encoder, audio = folder / "out-encoder.onnx", folder / "out-audio.onnx"
    if onnx:
        onnx.checker.check_model(str(encoder), full_check=True)
        onnx.checker.check_model(str(audio), full_check=True)
    return (compare(encoder, {"frames": frames}, features),
            compare(audio, {"mix": mix, "features": features}, difference))


def main():
    tool, values, model = sys.argv[1:]
    print(f"1..{2 * len(CASES)}")
    print(f"# onnxruntime {onnxruntime.__version__}, "
          f"checked by onnx: {onnx.__version__ if onnx else 'no'}")
    for case, (name, random) in enumerate(CASES):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            path = model
            try:
                if random:
                    path = folder / "model.safetensors"
                    run(values, "--random", *map(str, random), path)
                errors = errors_of(path, tool, values, folder)
            except Exception as error:
                print("#", str(error).replace("\n", "\n# "))
                errors = (numpy.inf, numpy.inf)
        for part, error in enumerate(errors):
            print(f"{'ok' if error < BOUND else 'not ok'} "
                  f"{2 * case + part + 1} {name}, {('encoder', 'audio')[part]}: "
                  f"relative error {error:.1e}", flush=True)


main()
