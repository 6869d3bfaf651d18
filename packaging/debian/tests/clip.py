# SPDX-License-Identifier: LGPL-2.1-or-later
"""clip.py make IN.wav FRAMES: writes a tone of 1.5 s in mono, and frames of 64x48
pixels with a bright square that moves to the right.
clip.py check IN.wav OUT.wav: fails unless OUT.wav has the length of IN.wav and
two channels, which differ, and whose sum is IN.wav."""
import math
import struct
import sys
import wave

RATE = 16000
SAMPLES = RATE * 3 // 2
FRAMES = 15
WIDTH, HEIGHT, SQUARE = 64, 48, 12


def make(audio, frames):
    with wave.open(audio, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", None))
        file.writeframes(b"".join(
            struct.pack("<h", int(9000 * math.sin(0.05 * i) * (i % 4000) / 4000))
            for i in range(SAMPLES)))
    with open(frames, "wb") as file:
        for k in range(FRAMES):
            left = (WIDTH - SQUARE) * k // FRAMES
            dark, bright = b"\x28" * 3, b"\xdc" * 3
            row = dark * left + bright * SQUARE + dark * (WIDTH - SQUARE - left)
            for y in range(HEIGHT):
                inside = abs(y - HEIGHT // 2) < SQUARE // 2
                file.write(row if inside else dark * WIDTH)


def read(path):
    """Channels, and samples from -1 to 1."""
    with wave.open(path) as file:
        size = file.getsampwidth()
        data = file.readframes(file.getnframes())
        samples = [int.from_bytes(data[i:i + size], "little", signed=True)
                   / (1 << 8 * size - 1) for i in range(0, len(data), size)]
        return file.getnchannels(), samples


def check(source, result):
    _, mono = read(source)
    channels, stereo = read(result)
    assert channels == 2, f"{channels} channels"
    left, right = stereo[::2], stereo[1::2]
    assert len(left) == len(mono), f"{len(left)} samples, not {len(mono)}"
    wrong = max(abs(x + y - z) for x, y, z in zip(left, right, mono))
    difference = max(abs(x - y) for x, y in zip(left, right))
    print(f"left + right - mono: at most {wrong:.2g}; "
          f"left - right: up to {difference:.2g}")
    assert wrong < 1e-4 and difference > 1e-4


{"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
