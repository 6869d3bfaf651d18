#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-python.py EXAMPLE: the library as Python sees it, and the program
examples/binauralize.py. Speaks TAP."""
import math
import subprocess
import sys
import tempfile
import wave
from array import array
from pathlib import Path

import tap

EXAMPLE = sys.argv[1]
RATE = 16000
SECONDS = 2
SIZE = (96, 48)
PIXELS = SIZE[0] * SIZE[1]


def library():
    try:
        import gi
    except ImportError:
        raise tap.Skip("Python has no gi (python3-gi)") from None
    gi.require_version("Ccstereo", "0")
    from gi.repository import Ccstereo, GLib
    return Ccstereo, GLib


def tone(channels):
    """16-bit samples of a swelling tone, interleaved."""
    return array("h", (round(8000 * math.sin(0.05 * at) * math.sin(at / 4000))
                       for at in range(RATE * SECONDS) for _ in range(channels)))


def frames():
    """Frames in which a bright square moves from left to right."""
    for index in range(10 * SECONDS):
        frame = bytearray(b"\x20\x30\x40" * PIXELS)
        for row in range(16, 32):
            at = 3 * (row * SIZE[0] + index * 4)
            frame[at:at + 48] = b"\xff" * 48
        yield bytes(frame)


def expect_error(library_and_glib, code, function, *arguments):
    ccstereo, glib = library_and_glib
    try:
        function(*arguments)
    except glib.Error as error:
        assert error.matches(ccstereo.error_quark(), code), error
        return error.message
    raise AssertionError("no error")


def the_example_s_channels_add_up_to_its_input():
    library()
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/in.wav", f"{folder}/out.wav"
        samples = tone(1)
        with wave.open(source, "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", None))
            file.writeframes(samples.tobytes())
        Path(folder, "frames").write_bytes(b"".join(frames()))
        subprocess.run([sys.executable, EXAMPLE, source, f"{folder}/frames",
                        *map(str, SIZE), target], check=True)
        with wave.open(target) as file:
            assert file.getnchannels() == 2 and file.getframerate() == RATE
            stereo = array("h", file.readframes(file.getnframes()))
    left, right = stereo[0::2], stereo[1::2]
    assert len(left) == len(samples), (len(left), len(samples))
    worst = max(abs(a + b - x) for a, b, x in zip(left, right, samples))
    assert worst <= 1, f"the sum differs by {worst}"    # each rounded to 16 bits
    assert left != right


def the_example_names_a_file_that_is_missing():
    library()
    result = subprocess.run(
        [sys.executable, EXAMPLE, "/no/such.wav", "frames", "8", "8", "out"],
        stderr=subprocess.PIPE, encoding="utf-8")
    assert result.returncode == 1
    assert "/no/such.wav" in result.stderr
    assert "Traceback" not in result.stderr, result.stderr


def errors_have_their_domain_and_name_the_file():
    ccstereo, glib = library()
    message = expect_error((ccstereo, glib), ccstereo.Error.IO,
                           ccstereo.Model.load, "/no/such.model", None, None)
    assert "/no/such.model" in message


def buffers_of_wrong_sizes_are_errors():
    ccstereo, glib = library()
    model = ccstereo.Model.load(ccstereo.Model.default_path(), None, None)
    options = ccstereo.BinauralizerOptions()
    options.channels = 2
    binauralizer = ccstereo.Binauralizer.new(model, options)
    for function, arguments in (
            (model.encode, (glib.Bytes.new(b"short"),)),
            (binauralizer.push_feature, (0, glib.Bytes.new(b"1234"))),
            (binauralizer.push_audio, (glib.Bytes.new(b"1234"),)),
            (ccstereo.prepare_frame, (glib.Bytes.new(b"12345"), 2, 1, 1)),
            (ccstereo.prepare_frame, (glib.Bytes.new(b""), 0, 1, 1))):
        expect_error((ccstereo, glib), ccstereo.Error.ARGUMENT, function,
                     *arguments)


def options_start_with_their_defaults_and_are_checked():
    ccstereo, glib = library()
    options = ccstereo.BinauralizerOptions()
    assert options.hop == ccstereo.HOP and options.width == 1
    model = ccstereo.Model.load(ccstereo.Model.default_path(), None,
                                ccstereo.BackendOptions())
    options.width = 3
    expect_error((ccstereo, glib), ccstereo.Error.ARGUMENT,
                 ccstereo.Binauralizer.new, model, options)


def objects_outlive_the_names_that_python_had_for_them():
    ccstereo, glib = library()
    model = ccstereo.Model.load(ccstereo.Model.default_path(), None, None)
    options = ccstereo.BinauralizerOptions()
    binauralizer = ccstereo.Binauralizer.new(model, options)
    name = model.backend_name()
    del model, options
    binauralizer.push_audio(glib.Bytes.new(bytes(4 * 48000)))
    binauralizer.end_features()
    binauralizer.drain()
    assert binauralizer.available() == 48000
    assert name in ("cpu", "cuda", "reference")


if __name__ == "__main__":
    tap.run(
        the_example_s_channels_add_up_to_its_input,
        the_example_names_a_file_that_is_missing,
        errors_have_their_domain_and_name_the_file,
        buffers_of_wrong_sizes_are_errors,
        options_start_with_their_defaults_and_are_checked,
        objects_outlive_the_names_that_python_had_for_them,
    )
