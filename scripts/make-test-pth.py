#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes tests/data/pth: small files of PyTorch's own torch.save(), and what is
in them as safetensors. Needs torch, numpy and safetensors; the tests do not.

usage: scripts/make-test-pth.py [FOLDER]
"""
import pathlib
import sys
from collections import Counter, OrderedDict

import torch
from safetensors.torch import save_file


def values(n, dtype):
    """n different values that every type holds exactly."""
    return (torch.arange(n) % 101 - 50).to(dtype)


def every_kind_of_tensor():
    """Each type, and each way in which a tensor can lie in its storage."""
    base = values(60, torch.float32)
    state = OrderedDict()
    state["float32"] = values(24, torch.float32).reshape(2, 3, 4)
    state["float16"] = values(7, torch.float16)
    state["bfloat16"] = values(9, torch.bfloat16).reshape(3, 3)
    state["float64"] = values(5, torch.float64)
    state["int8"] = values(3, torch.int8)
    state["uint8"] = torch.arange(250, 256, dtype=torch.uint8)
    state["int32"] = values(4, torch.int32) * 40000000
    state["int64"] = torch.tensor([2**40, -2**40])
    state["num_batches_tracked"] = torch.tensor(12345)
    state["scalar"] = torch.tensor(0.5)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(values(6, torch.float32))
    state["transposed"] = values(12, torch.float32).reshape(3, 4).t()
    state["channels_last"] = (values(120, torch.float32).reshape(2, 3, 4, 5)
                              .to(memory_format=torch.channels_last))
    state["shared.head"] = base[:20]
    state["shared.tail"] = base[20:].reshape(8, 5)
    state["shared.column"] = base.reshape(12, 5)[:, 3]
    state["tied"] = state["float32"]
    state["every_third"] = values(30, torch.int64)[1::3]
    return state


def small_net():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(2, 8, 4, 2, 1), torch.nn.BatchNorm2d(8),
        torch.nn.LeakyReLU(0.2), torch.nn.Linear(8, 4))


def after_a_step(net):
    """What trainers save: the net beside an optimiser that has a state."""
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
    net(torch.ones(1, 2, 8, 16)).sum().backward()
    optimizer.step()
    return {"epoch": 3, "state_dict": net.state_dict(),
            "optimizer": optimizer.state_dict(), "best": 0.823}


def as_a_framework_saves(net):
    """A state_dict beside what training frameworks keep: plain values of every
    kind that torch.load(weights_only=True) takes."""
    return {
        "epoch": 7, "global_step": 2**40, "state_dict": net.state_dict(),
        "callbacks": {"checkpoint": {
            "best_model_score": torch.tensor(0.82), "best_model_path": "a/b",
            "best_k_models": {"a/b": torch.tensor(0.82)},
            "kth_value": torch.tensor(float("inf"))}},
        "rng": torch.arange(8, dtype=torch.uint8),
        "hyper_parameters": {
            "betas": (0.9, 0.999), "layers": [1, 2, 3], "neither": None,
            "large": 2**80, "negative": -5, "low": -2**70, "text": "\u00e9",
            "bytes": b"abc", "array": bytearray(b"abc"), "set": {1, 2},
            "complex": 1 + 2j, "counter": Counter("abca"),
            "size": torch.Size([1, 2]), "device": torch.device("cuda", 0),
            "type": torch.bfloat16, "flags": torch.tensor([True])}}


def save_expected(folder, name, state):
    save_file({key: value.detach().clone().contiguous()
               for key, value in state.items()}, folder / name)


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1
                          else here / "tests/data/pth")
    folder.mkdir(parents=True, exist_ok=True)

    kinds = every_kind_of_tensor()
    save_expected(folder, "kinds.safetensors", kinds)
    torch.save({"state_dict": kinds}, folder / "kinds-zip.pth")
    torch.save({"state_dict": kinds}, folder / "kinds-legacy.pth",
               _use_new_zipfile_serialization=False)
    torch.save({"state_dict": kinds}, folder / "kinds-protocol4.pth",
               pickle_protocol=4)
    torch.save(kinds, folder / "kinds-bare.pth")

    net = small_net()
    training = after_a_step(net)
    save_expected(folder, "net.safetensors", net.state_dict())
    torch.save(training, folder / "net-training.pth")
    torch.save({"state_dict": torch.nn.DataParallel(net).state_dict()},
               folder / "net-parallel.pth")
    torch.save(net.state_dict(), folder / "net-legacy.pth",
               _use_new_zipfile_serialization=False)

    framework = as_a_framework_saves(net)
    torch.save(framework, folder / "net-framework.pth")
    torch.save(framework, folder / "net-framework-protocol4.pth",
               pickle_protocol=4)

    torch.save({"state_dict": {"weight": torch.ones(2, dtype=torch.cfloat)}},
               folder / "bad-complex.pth")
    torch.save({"state_dict": {"weight": torch.ones(1, 1, 1, 1, 2)}},
               folder / "bad-rank5.pth")
    torch.save(net, folder / "bad-whole-module.pth")


if __name__ == "__main__":
    main()
