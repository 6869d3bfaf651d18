#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-installed.py OPTION...: installs the build into a staging folder with
DESTDIR, and uses it from there: the C example, compiled as C and as C++ through
ccstereo.pc, the tools and the plugin. They find the library, the default model
and the other programs in the staging folder alone."""
import argparse
import math
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import wave
import zlib
from pathlib import Path

from tap import Tap

RATE = 16000
SAMPLES = RATE * 3 // 2
FRAMES = 15
WIDTH, HEIGHT = 64, 48


def run(command, env=None):
    """What is wrong with the run of @command, or nothing."""
    done = subprocess.run([str(word) for word in command], env=env,
                          capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    return f"{shlex.join(map(str, command))}: exit {done.returncode}\n" \
           + done.stdout + done.stderr


# -- a clip: a tone, and a bright square that moves ------------------------------

def write_audio(path):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(
            struct.pack("<h", int(9000 * math.sin(0.05 * i) * (i % 4000) / 4000))
            for i in range(SAMPLES)))


def frame(k):
    left = (WIDTH - 12) * k // FRAMES
    rows = bytearray(b"\x28" * (3 * WIDTH * HEIGHT))
    for y in range(18, 30):
        at = 3 * (y * WIDTH + left)
        rows[at:at + 36] = b"\xdc" * 36
    return bytes(rows)


def png(pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data \
               + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + pixels[3 * WIDTH * y:3 * WIDTH * (y + 1)]
                    for y in range(HEIGHT))
    return b"\x89PNG\r\n\x1a\n" \
           + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)) \
           + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def write_clip(folder):
    write_audio(folder / "in.wav")
    (folder / "frames.rgb").write_bytes(b"".join(map(frame, range(FRAMES))))
    (folder / "frames").mkdir()
    for k in range(FRAMES):
        (folder / "frames" / f"{k + 1:06}.png").write_bytes(png(frame(k)))


# -- results ---------------------------------------------------------------------

def samples(path):
    """The samples of a 16- or 24-bit WAV file, as 24-bit integers."""
    with wave.open(str(path), "rb") as file:
        width = file.getsampwidth()
        data = file.readframes(file.getnframes())
    return [int.from_bytes(data[i:i + width], "little", signed=True)
            << 8 * (3 - width) for i in range(0, len(data), width)]


def furthest(a, b):
    return max(map(abs, map(int.__sub__, a, b))) if len(a) == len(b) else math.inf


def check_binaural(path, mix):
    stereo = samples(path)
    left, right = stereo[::2], stereo[1::2]
    if furthest([l + r for l, r in zip(left, right)], mix) > 2:
        return "left + right is not the input"
    return "" if furthest(left, right) > 100 else "left and right are the same"


def check_same(path, other):
    apart = furthest(samples(path), samples(other))
    return "" if apart <= 1 else f"{path} and {other} differ by {apart}"


# -- the installed copy ----------------------------------------------------------

class Staged:
    def __init__(self, folder, options):
        self.destdir = folder / "staged"
        self.prefix = self.destdir / options.prefix.lstrip("/")
        self.libdir = self.prefix / options.libdir
        self.pkgconfig = folder / "pkgconfig"
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("CCSTEREO_", "GST_"))}
        self.env |= {"LD_LIBRARY_PATH": str(self.libdir),
                     "GST_PLUGIN_PATH": str(self.libdir / "gstreamer-1.0"),
                     "GST_REGISTRY": str(folder / "registry"),
                     "OMP_WAIT_POLICY": "passive"}

    def install(self, build):
        return run(["meson", "install", "-C", build, "--no-rebuild",
                    "--destdir", self.destdir])

    def flags(self):
        """Compiler and linker flags of ccstereo.pc, with the prefix moved."""
        text = (self.libdir / "pkgconfig" / "ccstereo.pc").read_text()
        self.pkgconfig.mkdir()
        (self.pkgconfig / "ccstereo.pc").write_text(
            re.sub(r"^prefix=.*$", f"prefix={self.prefix}", text, flags=re.M))
        path = f"{self.pkgconfig}:{os.environ.get('PKG_CONFIG_PATH', '')}"
        return subprocess.run(
            ["pkg-config", "--cflags", "--libs", "ccstereo", "sndfile"],
            env={**os.environ, "PKG_CONFIG_PATH": path}, check=True,
            capture_output=True, text=True).stdout.split()


def check_examples(tap, staged, options, folder, clip, mix):
    flags = staged.flags()
    for language, command in ("c", options.cc), ("c++", options.cxx):
        name = f"the example works compiled as {language}"
        if not command:
            tap.skip(name, f"no {language} compiler")
            continue
        program = folder / f"example-{language}"
        result = folder / f"{language}.wav"
        tap.check(name,
                  run([*shlex.split(command), "-Wall", "-Wextra", "-Werror",
                       "-x", language, options.source, "-x", "none", *flags,
                       "-o", program])
                  or run([program, *clip, result], staged.env)
                  or check_binaural(result, mix))
    built = folder / "built.wav"
    model = staged.prefix / "share/ccstereo/models/ccstereo-default.safetensors"
    tap.check("the example of the build gives the same",
              run([options.example, *clip, built],
                  {**os.environ, "CCSTEREO_MODEL": str(model)})
              or check_same(built, folder / "c.wav"))


def check_tools(tap, staged, folder):
    program = staged.prefix / "bin" / "ccstereo"
    if not program.exists():
        tap.skip("the installed tool gives the same", "not built: tools")
        return
    result = folder / "tool.wav"
    tap.check("the installed tool gives the same",
              run([program, "run", folder / "in.wav", folder / "frames", result],
                  staged.env)
              or check_same(result, folder / "c.wav"))
    if any(staged.prefix.rglob("ccstereo-datasets")):
        tap.check("the installed tool finds the trainer's commands",
                  run([program, "scenes", "--help"], staged.env))
    else:
        tap.skip("the installed tool finds the trainer's commands",
                 "not built: train")


def check_plugin(tap, staged):
    name = "GStreamer finds the installed plugin"
    inspect = shutil.which("gst-inspect-1.0")
    if not (staged.libdir / "gstreamer-1.0").exists():
        tap.skip(name, "not built: gst")
    elif not inspect:
        tap.skip(name, "no gst-inspect-1.0")
    else:
        tap.check(name, run([inspect, "ccstereobin"], staged.env))


def main():
    parser = argparse.ArgumentParser()
    for name in "cc", "cxx", "build", "prefix", "libdir", "source", "example":
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        staged = Staged(folder, options)
        problem = staged.install(options.build)
        tap.check("the build installs with DESTDIR", problem)
        if problem:
            tap.finish()
        write_clip(folder)
        clip = [folder / "in.wav", folder / "frames.rgb", WIDTH, HEIGHT]
        check_examples(tap, staged, options, folder, clip,
                       samples(folder / "in.wav"))
        check_tools(tap, staged, folder)
        check_plugin(tap, staged)
    tap.finish()


sys.exit(main())
