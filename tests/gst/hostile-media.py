#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hostile-media.py TOOL MODEL [--seed N] [--damaged N] [--only WORD] [--brief]

Unusual and damaged files, made with FFmpeg, as input of ccstereo-transcode:
strange sizes, formats, rates, clocks and lengths have to be transcoded with
every packet of the picture and every sample of the sound; damaged files may
also be refused. Refused means one line that names the program, exit status 1
and nothing left in the folder; never a crash, a hang or a sanitizer's report.
Speaks TAP.

  --seed     of the damage (default 1)
  --damaged  how many damaged files (default 200; --brief: 12)
  --only     cases with WORD in their names alone
  --brief    what fits in half a minute
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# Seconds after which a run counts as one that hangs.
PATIENCE = 180
# Exit status after a finding of a sanitizer; different from 1.
SANITIZER_STATUS = 99
# A millisecond of sound at 48 kHz, as Matroska rounds, in samples.
TICK = 48
# Longer than any packet of sound, in seconds.
PACKET = 0.1
# Coarse, so that the net takes little time.
HOP = "10080"

PICTURE = "testsrc2=size=96x64:rate={rate}:duration={seconds},scale={size}"
SOUND = "anoisesrc=sample_rate={rate}:duration={seconds}:amplitude=0.3:seed=7"


class Wrong(Exception):
    """What a case did that it must not."""


def ffmpeg(*arguments):
    """FFmpeg's standard output."""
    return subprocess.run(
        ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y",
         *map(str, arguments)], check=True, stdout=subprocess.PIPE).stdout


def clip(path, video=(), audio=(), output=(), size="64x48", fps="30",
         seconds=0.7, rate="48000", sound_seconds=None, late=0):
    """A clip of a test picture and noise; @late: seconds by which the picture
    comes after the sound (negative: before it)."""
    picture_late = max(late, 0)
    sound_late = max(-late, 0)
    ffmpeg("-itsoffset", picture_late, "-f", "lavfi", "-i",
           PICTURE.format(size=size.replace("x", ":"), rate=fps, seconds=seconds),
           "-itsoffset", sound_late, "-f", "lavfi", "-i",
           SOUND.format(rate=rate, seconds=sound_seconds or seconds),
           "-map", "0:v", "-map", "1:a", *video, *audio, *output,
           "-bitexact", "-threads", "1", path)


# -- what is in a file --------------------------------------------------------

def packets(path):
    """The hashes of the picture's packets, in the order of the file."""
    text = subprocess.run(
        ["ffprobe", "-v", "quiet", "-select_streams", "V:0", "-show_packets",
         "-show_entries", "packet=data_hash", "-show_data_hash", "MD5", "-of",
         "csv=p=0", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.findall(r"MD5:\w+", text)


def samples(path):
    """How many samples a channel of the sound decodes to."""
    return len(ffmpeg("-i", path, "-map", "0:a:0", "-ac", "1", "-f", "s16le",
                      "-")) // 2


def sound_end(path):
    """When the last packet of the sound begins, in seconds."""
    text = subprocess.run(
        ["ffprobe", "-v", "quiet", "-select_streams", "a:0", "-show_entries",
         "packet=pts_time", "-of", "csv=p=0", path], check=True,
        stdout=subprocess.PIPE, text=True).stdout
    return float(text.split()[-1].strip(","))


# -- cases --------------------------------------------------------------------

# Whole files: name, extension, arguments of clip(), what else holds:
#   packets=False  the output's container packs pictures otherwise
#   samples=False  FFmpeg does not give every sample, or gives silence between
#   lost           so many samples are missing, of which silence is made
#   ends=True      the sound's last packet is where it was
#   out            the output's extension (default mkv)
#   refused        a word of the answer: there is no output
X264 = ("-c:v", "libx264", "-preset", "ultrafast")
FFV1 = ("-c:v", "ffv1")
PCM = ("-c:a", "pcm_s16le")


def pixels(name, *codec):
    return (*(codec or FFV1), "-pix_fmt", name)


WHOLE = [
    ("size 1x1", "mkv", dict(video=pixels("yuv444p"), audio=PCM, size="1x1"), {}),
    ("size 7x5", "mkv", dict(video=pixels("yuv420p"), audio=PCM, size="7x5"), {}),
    ("size 8192x16", "mkv",
     dict(video=pixels("yuv420p"), audio=PCM, size="8192x16", seconds=0.2), {}),
    ("size 16x8192", "mkv",
     dict(video=pixels("yuv422p"), audio=PCM, size="16x8192", seconds=0.2), {}),
    ("10 bits", "mp4", dict(video=pixels("yuv420p10le", *X264)), {}),
    ("4:4:4", "mp4", dict(video=pixels("yuv444p", *X264)), dict(out="mp4")),
    ("grey", "mkv", dict(video=pixels("gray", *X264), audio=PCM), {}),
    ("grey of 16 bits", "mkv", dict(video=pixels("gray16le"), audio=PCM), {}),
    ("alpha", "mkv", dict(video=pixels("yuva420p"), audio=PCM), {}),
    ("16 bits and alpha", "mov",
     dict(video=pixels("rgba64be", "-c:v", "png"), audio=PCM), {}),
    ("a palette", "mkv", dict(video=pixels("pal8", "-c:v", "png"), audio=PCM), {}),
    ("planes of 14 bits", "mkv", dict(video=pixels("gbrp14le"), audio=PCM), {}),
    ("VP9", "webm", dict(video=("-c:v", "libvpx-vp9", "-cpu-used", "8"),
                         audio=("-c:a", "libopus")), dict(out="webm")),
    ("AV1", "mp4", dict(video=("-c:v", "libaom-av1", "-cpu-used", "8"),
                        seconds=0.3), dict(out="mp4")),
    ("MJPEG and ADPCM", "avi",
     dict(video=("-c:v", "mjpeg"), audio=("-c:a", "adpcm_ima_wav")),
     dict(samples=False)),
    ("ProRes and PCM of 24 bits", "mov",
     dict(video=("-c:v", "prores_ks"), audio=("-c:a", "pcm_s24le")), {}),
    ("HEVC", "mp4", dict(video=("-c:v", "libx265", "-x265-params",
                                "log-level=none")), dict(out="mp4")),
    ("MPEG-2 in a program stream", "mpg",
     dict(video=("-c:v", "mpeg2video"), audio=("-c:a", "mp2")),
     dict(samples=False)),
    ("MP3", "avi", dict(video=("-c:v", "mpeg4"), audio=("-c:a", "libmp3lame")),
     dict(samples=False)),
    ("AC-3 5.1", "mkv",
     dict(video=X264, audio=("-c:a", "ac3", "-ac", "6")), {}),
    ("Vorbis", "mkv", dict(video=X264, audio=("-c:a", "libvorbis")), {}),
    ("sound of 8 bits", "avi", dict(video=X264, audio=("-c:a", "pcm_u8")),
     dict(packets=False)),
    ("sound of 64 bits", "mkv", dict(video=X264, audio=("-c:a", "pcm_f64le")), {}),
    ("8 kHz", "mov", dict(video=X264, audio=PCM, rate="8000"), {}),
    ("8 kHz to MP4", "mov", dict(video=X264, audio=PCM, rate="8000"),
     dict(out="mp4")),
    ("11 kHz to MP4", "mov", dict(video=X264, audio=PCM, rate="11000"),
     dict(out="mp4", samples=False)),
    ("192 kHz", "mov", dict(video=X264, audio=PCM, rate="192000"), {}),
    ("192 kHz to MP4", "mov", dict(video=X264, audio=PCM, rate="192000"),
     dict(out="mp4", samples=False)),
    ("channels at positions without a downmix", "mov",
     dict(video=X264, audio=(*PCM, "-af",
                             "asplit=3,join=3:BL+BR+BC")),
     dict(samples=False)),
    ("7.1", "mkv", dict(video=X264, audio=(*PCM, "-ac", "8")), {}),
    ("24 channels", "mov", dict(video=X264, audio=(*PCM, "-ac", "24")),
     dict(samples=False)),
    ("sound much longer", "mkv",
     dict(video=X264, audio=PCM, seconds=0.1, sound_seconds=8), {}),
    ("picture much longer", "mkv",
     dict(video=X264, audio=PCM, seconds=8, sound_seconds=0.1), {}),
    ("one sample of sound", "mkv",
     dict(video=X264, audio=(*PCM, "-af", "atrim=end_sample=1")), {}),
    ("one picture", "mkv", dict(video=(*X264, "-vf", "trim=end_frame=1"),
                            audio=PCM), {}),
    ("pictures 20 s late in a transport stream", "ts",
     dict(video=(*X264, "-fps_mode", "passthrough"), late=20, sound_seconds=21),
     dict(packets=False, samples=False)),
    ("a picture an hour late", "mkv", dict(video=X264, audio=PCM, late=3600), {}),
    ("sound an hour late", "mkv", dict(video=X264, audio=PCM, late=-3600),
     dict(ends=True)),
    ("a clock of a day", "mkv", dict(video=X264, audio=PCM,
                                     output=("-output_ts_offset", "90000")), {}),
    ("a clock of a year", "mkv",
     dict(video=X264, audio=PCM, output=("-output_ts_offset", "31536000")), {}),
    ("times below 0", "mkv",
     dict(video=X264, audio=PCM, output=("-output_ts_offset", "-0.4",
                                         "-avoid_negative_ts", "disabled")),
     dict(samples=False)),
    ("a packet of sound missing", "mkv",
     dict(video=X264, audio=(*PCM, "-bsf:a", "noise=drop=eq(n\\,10)")),
     dict(lost=1024)),
    ("nothing in the track of the sound", "mkv",
     dict(video=(*X264, "-frames:v", "1"), audio=(*PCM, "-af", "atrim=start=9")),
     dict(refused="no sound could be decoded")),
    ("a minute without sound", "mkv",
     dict(video=X264, audio=(*PCM, "-bsf:a",
                             "setts=ts=TS+gt(N\\,20)*60000")),
     dict(samples=False, ends=True)),
    ("an hour without sound", "mkv",
     dict(video=X264, audio=(*PCM, "-bsf:a",
                             "setts=ts=TS+gt(N\\,20)*3600000")),
     dict(samples=False, ends=True)),
    ("two days without sound, to MP4", "mkv",
     dict(video=X264, audio=(*PCM, "-bsf:a",
                             "setts=ts=TS+gt(N\\,20)*172800000")),
     dict(samples=False, ends=True, out="mp4")),
    ("a minute without pictures", "mkv",
     dict(video=(*X264, "-bsf:v", "setts=ts=TS+gt(N\\,9)*60000"), audio=PCM), {}),
    ("two days without pictures, to MP4", "mkv",
     dict(video=(*X264, "-bsf:v", "setts=ts=TS+gt(N\\,9)*172800000"),
          audio=PCM), dict(out="mp4", refused="pauses for longer")),
    ("all pictures at once", "mkv",
     dict(video=(*FFV1, "-bsf:v", "setts=ts=0"), audio=PCM), {}),
    ("a time code, to MP4", "mov",
     dict(video=X264, audio=PCM, output=("-timecode", "01:00:00:00")),
     dict(out="mp4")),
    ("1000 pictures a second", "mkv",
     dict(video=FFV1, audio=PCM, fps="1000", seconds=0.3), {}),
    ("a picture every 5 s", "mkv",
     dict(video=X264, audio=PCM, fps="1/5", seconds=10, sound_seconds=10), {}),
    ("hidden pictures, to Matroska", "mp4",
     dict(video=(*X264, "-bsf:v", "setts=ts=TS-0.2/TB")), dict(samples=False)),
    ("pictures as they are, to MOV", "avi",
     dict(video=("-c:v", "rawvideo"), audio=PCM),
     dict(out="mov", refused="cannot have its video")),
]


def joined(folder, name, first, second):
    """A transport stream in which everything changes half way."""
    parts = [folder / f"{name}-{i}.ts" for i in range(2)]
    for part, arguments in zip(parts, (first, second)):
        clip(part, **arguments)
    path = folder / f"{name}.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


MPEG = dict(video=("-c:v", "mpeg2video"), audio=("-c:a", "mp2"))
LATER = ("-output_ts_offset", "0.7")
CHANGING = [
    ("the size changes", MPEG, dict(MPEG, size="320x96", output=LATER)),
    ("the rate changes", dict(MPEG, rate="44100"),
     dict(MPEG, rate="32000", output=LATER)),
    ("the channels change", MPEG,
     dict(MPEG, audio=("-c:a", "mp2", "-ac", "2"), output=LATER)),
    ("the clock is set back", MPEG, dict(MPEG, seconds=1)),
    ("the clock leaps", MPEG, dict(MPEG, output=("-output_ts_offset", "20000"))),
]

# No video at all: name, extension, what makes it, a word of the answer.
REFUSED = [
    ("nothing", "mp4", lambda path: path.write_bytes(b""), ""),
    ("text", "mp4", lambda path: path.write_text("This is no film.\n" * 99), ""),
    ("a folder", "mp4", lambda path: path.mkdir(), ""),
    ("noise", "mkv",
     lambda path: path.write_bytes(random.Random(3).randbytes(99999)), ""),
    ("zeros", "avi", lambda path: path.write_bytes(bytes(99999)), ""),
    ("a header alone", "mkv", lambda path: path.write_bytes(
        bytes.fromhex("1a45dfa3 01ffffffffffffff")), ""),
    ("a picture of the cover", "mp3", lambda path: ffmpeg(
        "-f", "lavfi", "-i", SOUND.format(rate=48000, seconds=1), "-f", "lavfi",
        "-i", PICTURE.format(size="64:64", rate=1, seconds=1), "-map", "0",
        "-map", "1", "-c:v", "png", "-frames:v", "1", "-disposition:v:0",
        "attached_pic", path), "no video stream"),
    ("pictures alone", "mkv", lambda path: ffmpeg(
        "-f", "lavfi", "-i", PICTURE.format(size="64:48", rate=30, seconds=1),
        *X264, path), "no audio stream"),
]

# What is damaged, and how.
SOURCES = [
    ("mp4", dict(video=X264, output=("-movflags", "faststart"))),
    ("mp4", dict(video=X264, output=("-movflags", "frag_keyframe+empty_moov"))),
    ("mov", dict(video=("-c:v", "mjpeg"), audio=PCM)),
    ("mkv", dict(video=X264, audio=("-c:a", "libvorbis"))),
    ("webm", dict(video=("-c:v", "libvpx-vp9", "-cpu-used", "8"),
                  audio=("-c:a", "libopus"))),
    ("ts", dict(video=X264)),
    ("avi", dict(video=("-c:v", "mpeg4"), audio=("-c:a", "libmp3lame"))),
    ("mkv", dict(video=FFV1, audio=("-c:a", "flac"))),
]
HEAD = 1024


def cut(data, dice):
    return data[:dice.randrange(len(data))]


def flip(data, dice, within, count):
    for _ in range(count):
        data[dice.randrange(min(within, len(data)))] ^= 1 << dice.randrange(8)
    return data


def overwrite(data, dice, word):
    at = dice.randrange(len(data) - len(word))
    data[at:at + len(word)] = word
    return data


def drop(data, dice):
    at = dice.randrange(len(data))
    del data[at:at + dice.randrange(1, 5000)]
    return data


DAMAGE = [
    ("cut off", cut),
    ("bits of the head flipped",
     lambda data, dice: flip(data, dice, HEAD, dice.randrange(1, 9))),
    ("bits flipped",
     lambda data, dice: flip(data, dice, len(data), dice.randrange(1, 300))),
    ("a number as large as can be",
     lambda data, dice: overwrite(data[:], dice, b"\xff" * 4)),
    ("a number in the head as large as can be",
     lambda data, dice: overwrite(data[:HEAD], dice, b"\x7f" + b"\xff" * 3)
     + data[HEAD:]),
    ("a piece missing", drop),
]


# -- running ------------------------------------------------------------------

class Tool:
    def __init__(self, program, model):
        self.program = os.path.abspath(program)
        self.model = os.path.abspath(model)
        self.environment = dict(os.environ, CCSTEREO_MODEL=self.model)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            given = os.environ.get(name, "")
            self.environment[name] = f"{given}:exitcode={SANITIZER_STATUS}"
        self.environment["ASAN_OPTIONS"] += ":fast_unwind_on_malloc=0"
        self.environment["LSAN_OPTIONS"] += ":print_suppressions=0"

    def run(self, source, folder, extension):
        """Returns (output, messages); no output if the input was rejected."""
        out = folder / f"out.{extension}"
        codec = ["-c", "flac"] if extension == "mkv" else []
        try:
            done = subprocess.run(
                [self.program, "--backend", "cpu", "--hop", HOP, *codec,
                 str(source), str(out)], env=self.environment, timeout=PATIENCE,
                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                stdout=subprocess.PIPE)
        except subprocess.TimeoutExpired:
            raise Wrong(f"is not done after {PATIENCE} s") from None
        said = (done.stdout + done.stderr).decode(errors="replace")
        left = [path.name for path in folder.iterdir() if path != source]
        if done.returncode not in (0, 1):
            raise Wrong(f"exit status {done.returncode}: {said[-4000:]}")
        check_words(said, done.returncode)
        if left != ([out.name] if done.returncode == 0 else []):
            raise Wrong(f"exit status {done.returncode} leaves {left}")
        return (out if done.returncode == 0 else None), said


def check_words(said, status):
    lines = said.splitlines()
    errors = [line for line in lines
              if not line.startswith("ccstereo-transcode: note: ")]
    if len(errors) != status or any(
            not line.startswith("ccstereo-transcode: ") for line in errors):
        raise Wrong(f"exit status {status} with these words:\n{said[-4000:]}")


def check_same(source, out, wants):
    if wants.get("packets", True) and packets(out) != packets(source):
        raise Wrong("the picture's packets are not the input's")
    if wants.get("samples", True) and out.suffix == ".mkv":
        before, after = samples(source), samples(out)
        lost = wants.get("lost", 0)
        if abs(before + lost - after) > (TICK if lost else 0):
            raise Wrong(f"{before} samples became {after}")
    if wants.get("ends"):
        before, after = sound_end(source), sound_end(out)
        if abs(before - after) > PACKET:
            raise Wrong(f"the sound ends at {after} s, not at {before} s")


def whole(tool, folder, extension, make, wants):
    source = folder / f"in.{extension}"
    clip(source, **make)
    out, said = tool.run(source, folder, wants.get("out", "mkv"))
    if "refused" in wants:
        if out is not None or wants["refused"] not in said:
            raise Wrong(f"is not refused as it should be: {said}")
        return
    if not out:
        raise Wrong(f"is refused: {said}")
    check_same(source, out, wants)


def changing(tool, folder, first, second):
    parts = folder / "parts"
    parts.mkdir()
    source = folder / "in.ts"
    joined(parts, "in", first, second).rename(source)
    shutil.rmtree(parts)
    out, said = tool.run(source, folder, "mkv")
    if not out:
        raise Wrong(f"is refused: {said}")


def refused(tool, folder, extension, make, word):
    source = folder / f"in.{extension}"
    make(source)
    out, said = tool.run(source, folder, "mkv")
    if out is not None:
        raise Wrong("is transcoded")
    if word not in said or source.name not in said:
        raise Wrong(f"\"{said}\" does not say why")


def damaged(tool, folder, extension, data, damage, dice):
    source = folder / f"in.{extension}"
    source.write_bytes(damage(bytearray(data), dice))
    tool.run(source, folder, dice.choice(["mkv", "mp4"]))


def damaged_cases(tool, originals, seed, count):
    for number in range(count):
        dice = random.Random(f"{seed} {number}")
        name, damage = DAMAGE[number % len(DAMAGE)]
        index = dice.randrange(len(SOURCES))
        extension = SOURCES[index][0]

        def run(folder, index=index, extension=extension, damage=damage,
                dice=dice):
            if index not in originals:
                path = folder / f"whole.{extension}"
                clip(path, **SOURCES[index][1])
                originals[index] = path.read_bytes()
                path.unlink()
            damaged(tool, folder, extension, originals[index], damage, dice)
        yield f"{extension} {index}, {name} ({seed} {number})", run


def cases(tool, options):
    count = options.damaged or (12 if options.brief else 200)
    every = 4 if options.brief else 1
    for name, extension, make, wants in WHOLE[::every]:
        yield name, lambda folder, a=(extension, make, wants): whole(
            tool, folder, *a)
    for name, first, second in CHANGING[::2 if options.brief else 1]:
        yield name, lambda folder, a=(first, second): changing(
            tool, folder, *a)
    for name, extension, make, word in REFUSED:
        yield name, lambda folder, a=(extension, make, word): refused(
            tool, folder, *a)
    yield from damaged_cases(tool, {}, options.seed, count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("tool")
    parser.add_argument("model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--damaged", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--brief", action="store_true")
    options = parser.parse_args()
    chosen = [case for case in cases(Tool(options.tool, options.model), options)
              if options.only in case[0]]
    failures = 0
    print(f"1..{len(chosen)}")
    for number, (name, run) in enumerate(chosen, 1):
        with tempfile.TemporaryDirectory(prefix="ccstereo-hostile-") as folder:
            try:
                run(Path(folder))
                print(f"ok {number} - {name}", flush=True)
            except (Wrong, subprocess.CalledProcessError) as wrong:
                failures += 1
                text = "\n".join(f"# {line}" for line in str(wrong).split("\n"))
                print(f"not ok {number} - {name}\n{text}", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
