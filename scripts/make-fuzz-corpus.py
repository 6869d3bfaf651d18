#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fills tests/fuzz/corpus: small good files to mutate, and small bad ones, each
of which takes another way through the readers. Needs nothing but Python; the
.pth files that PyTorch made come from tests/data/pth.

usage: scripts/make-fuzz-corpus.py
"""
import io
import json
import pathlib
import shutil
import struct
import zipfile

TREE = pathlib.Path(__file__).resolve().parent.parent
CORPUS = TREE / "tests/fuzz/corpus"
SEEDS_FROM_PYTORCH = ["kinds-zip.pth", "kinds-legacy.pth",
                      "kinds-protocol4.pth", "net-training.pth",
                      "net-parallel.pth", "bad-rank5.pth"]


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors_files():
    yield "empty", safetensors({})
    yield "two", safetensors({"a": entry("F32", [2, 3], 0, 24),
                              "b": entry("I64", [], 24, 32)}, bytes(32))
    yield "metadata", safetensors(
        {"__metadata__": {"ccstereo.config": "backbone=18"},
         "a": entry("BF16", [1, 2, 1], 0, 4)}, bytes(4))
    yield "unaligned", safetensors({"a": entry("U8", [1], 0, 1),
                                    "b": entry("F16", [2], 1, 5)}, bytes(5))
    yield "escapes", safetensors(
        b'{"\\u00e9\\ud83d\\ude00\\n\\/\\"\\\\":{"dtype":"I8","shape":[0],'
        b'"data_offsets":[0,0]}}   ')
    yield "overlap", safetensors({"a": entry("F32", [2], 0, 8),
                                  "b": entry("F32", [2], 4, 12)}, bytes(12))
    yield "hole", safetensors({"a": entry("F32", [1], 4, 8)}, bytes(8))
    yield "overflow", safetensors(
        {"a": entry("F64", [2**62, 2**62], 0, 8)}, bytes(8))
    yield "twice", safetensors(
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
        b'"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"ab")
    yield "deep", safetensors(b'{"a":' + b"[" * 500 + b"]" * 500 + b"}")
    yield "truncated", safetensors({"a": entry("F32", [2], 0, 8)})[:20]


MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e") + b"\x80\x02M\xe9\x03."
MACHINE = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."


def legacy(pickle, keys=b"\x80\x02].", storages=b""):
    return MAGIC + MACHINE + pickle + keys + storages


def tensor(dims, strides, offset=0):
    """A pickled float tensor over the storage '0' of four elements."""
    def numbers(values):
        return b"(" + b"".join(b"K" + bytes([v]) for v in values) + b"t"
    return (b"ctorch._utils\n_rebuild_tensor_v2\n"
            b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
            b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04NtQ"
            + b"K" + bytes([offset]) + numbers(dims) + numbers(strides)
            + b"\x89ccollections\nOrderedDict\n)RtR")


def one_tensor(dims, strides, offset=0):
    return legacy(
        b"\x80\x02}X\x01\x00\x00\x00a" + tensor(dims, strides, offset) + b"s.",
        b"\x80\x02]X\x01\x00\x00\x000a.",
        struct.pack("<q4f", 4, 1, 2, 3, 4))


def archive(method=zipfile.ZIP_STORED, names=("a/data.pkl", "a/data/0")):
    pickle = (b"\x80\x02}X\x01\x00\x00\x00a"
              + tensor([4], [1]).replace(b"K\x04NtQ", b"K\x04tQ") + b"s.")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name in names:
            file.writestr(name, pickle if "pkl" in name
                          else struct.pack("<4f", 1, 2, 3, 4))
    return out.getvalue()


def pth_files():
    yield "legacy-one", one_tensor([2, 2], [2, 1])
    yield "legacy-transposed", one_tensor([2, 2], [1, 2])
    yield "legacy-repeated", one_tensor([9, 2], [0, 1])
    yield "legacy-outside", one_tensor([2, 2], [2, 1], 1)
    yield "legacy-python2", legacy(
        b"\x80\x02ccollections\nOrderedDict\n]]U\x01aa" + tensor([4], [1])
        + b"aa\x85R.", b"\x80\x02]X\x01\x00\x00\x000a.",
        struct.pack("<q4f", 4, 1, 2, 3, 4))
    yield "call", legacy(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.")
    yield "deep", legacy(b"\x80\x02)" + b"\x85" * 400 + b".")
    yield "memo", legacy(b"\x80\x02Nr\xff\xff\xff\xff.")
    yield "text", legacy(b"\x80\x02X\xff\xff\xff\xffab.")
    yield "zip-one", archive()
    yield "zip-deflated", archive(zipfile.ZIP_DEFLATED)
    yield "zip-without-storage", archive(names=("a/data.pkl",))
    yield "zip-two-pickles", archive(names=("a/data.pkl", "b/data.pkl"))


def write(target, files):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files:
        (folder / name).write_bytes(content)


def main():
    write("safetensors", safetensors_files())
    write("pth", pth_files())
    for name in SEEDS_FROM_PYTORCH:
        shutil.copy(TREE / "tests/data/pth" / name, CORPUS / "pth" / name)


if __name__ == "__main__":
    main()
