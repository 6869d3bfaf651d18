#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a sound file binaural with libccstereo.

    binauralize.py IN.wav FRAMES WIDTH HEIGHT OUT.wav

IN.wav has 16 bits and one or two channels. FRAMES holds RGB frames of WIDTH x
HEIGHT pixels, 3 bytes a pixel, one after the other, ten per second, as written
by: ffmpeg -i in.mp4 -vf fps=10 -f rawvideo -pix_fmt rgb24 FRAMES
"""
import sys
import wave
from array import array

import gi
gi.require_version("Ccstereo", "0")
from gi.repository import Ccstereo, GLib  # noqa: E402


def push_frames(path, width, height, model, binauralizer):
    """Encodes the frames of a file and pushes their features."""
    index = 0
    with open(path, "rb") as file:
        while frame := file.read(width * height * 3):
            crop = Ccstereo.prepare_frame(GLib.Bytes.new(frame), width, height,
                                          index + 1)
            time = index * 10**9 // Ccstereo.ANALYSIS_FPS
            binauralizer.push_feature(time, model.encode(crop))
            index += 1
    binauralizer.end_features()


def main(source, frames, width, height, target):
    options = Ccstereo.BinauralizerOptions()
    with wave.open(source) as file:
        options.rate = file.getframerate()
        options.channels = file.getnchannels()
        samples = array("h", file.readframes(file.getnframes()))
    model = Ccstereo.Model.load(Ccstereo.Model.default_path(), None, None)
    binauralizer = Ccstereo.Binauralizer.new(model, options)
    push_frames(frames, int(width), int(height), model, binauralizer)
    floats = array("f", (sample / 32768 for sample in samples))
    binauralizer.push_audio(GLib.Bytes.new(floats.tobytes()))
    binauralizer.drain()
    result = binauralizer.pull(binauralizer.available()).get_data()
    stereo = (round(32768 * sample) for sample in array("f", result))
    with wave.open(target, "wb") as file:
        file.setparams((2, 2, options.rate, 0, "NONE", None))
        file.writeframes(array("h", (max(-32768, min(32767, sample))
                                     for sample in stereo)).tobytes())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:]) if len(sys.argv) == 6 else sys.exit(__doc__)
    except (GLib.Error, OSError, ValueError, wave.Error) as error:
        sys.exit(f"binauralize.py: {error}")
