#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""gpu-table.py FOLDER: what run.sh left in FOLDER as one table of Markdown, a
column a precision; with PyTorch's figures of the same precision, "ours, and how
many times PyTorch's eager / compiled". Then what failed there.
"""
import json
import sys
from pathlib import Path

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
CLIP_SECONDS = 10
FRAMES_A_SECOND, WINDOWS_A_SECOND = 10, 16000 / 1008  # of sound


def load(path):
    return json.loads(path.read_text()) if path.exists() else {}


def ratios(ours, torch, name, smaller_is_better=False):
    """How many times as fast as each of PyTorch's modes, "-" where not run."""
    def one(theirs):
        if not theirs.get(name) or not ours:
            return "-"
        return f"{theirs[name] / ours if smaller_is_better else ours / theirs[name]:.2f}"

    return f" ({one(torch['eager'])} / {one(torch['compiled'])})"


def computed_samples(training):
    """Of a step's own work: what the loader was waited for is not in it."""
    parts = ("forward_seconds", "backward_seconds", "update_seconds")
    seconds = sum(training.get(part, 0) for part in parts)
    return training["batch"] / seconds if seconds else 0


def column(folder, precision):
    bench = load(folder / f"bench-{precision}.json")
    training = load(folder / f"training-{precision}.json")
    torch = {mode: load(folder / f"pytorch-{mode}-{precision}.json")
             for mode in ("eager", "compiled")}
    rows = {}
    if bench:
        frames, windows = bench["frames_per_second"], bench["windows_per_second"]
        seconds = FRAMES_A_SECOND / frames + WINDOWS_A_SECOND / windows
        rows["frame + window, median, ms"] = (
            f"{bench['latency_ms_median']:.3f}"
            + ratios(bench["latency_ms_median"], torch, "latency_ms_median", True))
        rows["the same, 99 % within, ms"] = f"{bench['latency_ms_p99']:.3f}"
        for what, rate in (("frames", frames), ("windows", windows)):
            rows[f"{what} a second"] = f"{rate:.0f}" + ratios(rate, torch, f"{what}_per_second")
            rows[f"{what}: best batch"] = f"{bench[f'best_{what[:-1]}_batch']:.0f}"
            rows[f"{what}: of products / of copies, %"] = (
                f"{100 * bench[f'{what}_gflops'] / bench['product_gflops']:.0f} / "
                f"{100 * bench[f'{what}_gb_per_s'] / bench['copy_gb_per_s']:.0f}")
        rows["products, TFLOP/s; copies, GB/s"] = (
            f"{bench['product_gflops'] / 1e3:.1f}; {bench['copy_gb_per_s']:.0f}")
        rows["10 s clip, ms"] = f"{1e3 * bench['clip10s_seconds']:.1f}"
        rows["times real time: clip / both rates"] = (
            f"{CLIP_SECONDS / bench['clip10s_seconds']:.0f} / {1 / seconds:.0f}")
        rows["streams in real time"] = (
            f"{bench['realtime_streams']:.0f} (of {bench['streams']:.0f} callers)")
        rows["growth, MB"] = f"{bench['growth_mb']:.1f} in {bench['growth_windows']:.0f} windows"
    if training:
        own = computed_samples(training)
        rows["training samples a second"] = f"{training['samples_per_second']:.0f}"
        rows["the same without loading"] = f"{own:.0f}" + ratios(
            own, torch, "training_samples_per_second")
    return rows


def print_table(columns):
    names = list(dict.fromkeys(name for rows in columns.values() for name in rows))
    print("| | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name in names:
        print(f"| {name} | " + " | ".join(rows.get(name, "-") for rows in columns.values()) + " |")


def main():
    folder = Path(sys.argv[1])
    columns = {p: column(folder, p) for p in PRECISIONS}
    columns = {p: rows for p, rows in columns.items() if rows}
    if columns:
        print_table(columns)
    for failed in sorted(folder.glob("*.failed")):
        print(failed.read_text(), end="")


if __name__ == "__main__":
    main()
