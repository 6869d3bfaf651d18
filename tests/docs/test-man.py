#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-man.py FOLDER PROGRAM...: the man pages and completions that the build
made in FOLDER agree with what the programs print for --help. Speaks TAP."""
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tap

FOLDER = Path(sys.argv[1]).resolve()
PROGRAMS = {Path(path).name: path for path in sys.argv[2:]}


def help_of(program, *command):
    return subprocess.run([PROGRAMS[program], *command, "--help"], check=True,
                          stdout=subprocess.PIPE, encoding="utf-8",
                          env=dict(os.environ, LC_ALL="C.UTF-8")).stdout


def options_of(text):
    """The options that a help text lists, both spellings."""
    found = set()
    for line in text.splitlines():
        if re.match(r"  --?\w", line):
            found.update(re.findall(r"(?<!\S)--?[\w-]+",
                                    re.split(r"\s{2,}", line.strip())[0]))
    return found


def is_built(program, command):
    """Whether a command can be run: its part of the project may be left out."""
    return subprocess.run([PROGRAMS[program], command, "--help"],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


@functools.cache
def commands_of(program):
    _, _, block = help_of(program).partition("\nCommands:\n")
    listed = re.findall(r"^  (\S+)", block.partition("\n\n")[0], re.MULTILINE)
    return [command for command in listed if is_built(program, command)]


def pages():
    """(program, its subcommand as a list) of every page."""
    for program in PROGRAMS:
        yield program, []
        for command in commands_of(program):
            yield program, [command]


def page_text(name):
    """The page as a reader sees its marks: options spelled out."""
    source = (FOLDER / f"{name}.1").read_text(encoding="utf-8")
    return re.sub(r"\\f.|\\%|\\&", "", source).replace("\\-", "-")


def complete(program, *words, files=()):
    """What TAB offers after @words, the last of which is being typed, in a
    folder with @files (those that end in "/" are folders)."""
    if program not in PROGRAMS:
        raise tap.Skip(f"{program} is not built")
    function = "_" + program.replace("-", "_")
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              f'{function}; printf "%s\\n" "${{COMPREPLY[@]}}"')
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            path = Path(folder, name)
            path.mkdir() if name.endswith("/") else path.touch()
        result = subprocess.run(
            ["bash", "--norc", "-c", script, "bash", str(FOLDER / program),
             program, *words], cwd=folder, check=True, encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert not result.stderr, result.stderr
    return set(filter(None, result.stdout.split("\n")))


def expect(got, wanted):
    assert got == wanted, f"{sorted(got)} instead of {sorted(wanted)}"


def every_option_is_in_the_man_page():
    for program, command in pages():
        name = "-".join([program, *command])
        section = page_text(name).partition("\n.SH OPTIONS\n")[2]
        described = set()
        for line in re.findall(r"^\.TP\n(-.*)$", section.partition("\n.SH")[0],
                               re.MULTILINE):
            described.update(re.findall(r"(?<!\S)--?[\w-]+", line))
        expect(described, options_of(help_of(program, *command)))


def every_page_has_its_sections():
    for program, command in pages():
        text = page_text("-".join([program, *command]))
        for section in ("NAME", "SYNOPSIS", "OPTIONS", '"EXIT STATUS"',
                        '"SEE ALSO"'):
            assert f"\n.SH {section}\n" in text, f"{program}: no {section}"


def every_command_is_in_its_program_s_page():
    for program in PROGRAMS:
        section = page_text(program).partition("\n.SH COMMANDS\n")[2]
        listed = re.findall(r"^\.TP\n(\S+)$", section.partition("\n.SH")[0],
                            re.MULTILINE)
        expect(set(listed), set(commands_of(program)))


def pages_have_no_finding_of_mandoc():
    if not shutil.which("mandoc"):
        raise tap.Skip("mandoc is not installed")
    for path in sorted(FOLDER.glob("*.1")):
        result = subprocess.run(["mandoc", "-Tlint", path],
                                stdout=subprocess.PIPE, encoding="utf-8")
        assert not result.stdout, result.stdout


def pages_have_no_warning_of_groff():
    if not shutil.which("groff"):
        raise tap.Skip("groff is not installed")
    for path in sorted(FOLDER.glob("*.1")):
        result = subprocess.run(
            ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", path],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
        assert not result.stderr, result.stderr


def every_option_is_completed():
    for program, command in pages():
        expect(complete(program, *command, "-"),
               options_of(help_of(program, *command)))


def commands_are_completed_once():
    expect(complete("ccstereo", "", files=["a.pth"]),
           set(commands_of("ccstereo")))
    expect(complete("ccstereo", "ben"), {"bench"})
    assert not complete("ccstereo", "bench", "inf")


def models_are_completed_by_their_suffixes():
    files = ["a.safetensors", "b.pth", "c.wav", "frames/"]
    models = {"a.safetensors", "b.pth", "frames"}
    expect(complete("ccstereo", "run", "--model", "", files=files), models)
    expect(complete("ccstereo", "run", "-m", "b", files=files), {"b.pth"})
    expect(complete("ccstereo", "info", "", files=files), models)
    expect(complete("ccstereo-eval", "--checkpoint", "", files=files), models)
    expect(complete("ccstereo-transcode", "-m", "", files=files), models)


def values_are_completed_after_an_equals_sign():
    expect(complete("ccstereo-transcode", "--audio-codec", "=", "f"), {"flac"})
    expect(complete("ccstereo-transcode", "--audio-codec", "="),
           {"aac", "opus", "flac", "pcm", "pcm_f32le"})
    expect(complete("ccstereo-train", "--dataset", "y"), {"yt_clean"})


def a_number_is_not_completed():
    expect(complete("ccstereo-transcode", "--hop", "", files=["a.mp4"]), set())


def operands_are_completed_by_their_place():
    files = ["a.wav", "b.txt", "frames/"]
    before = ["run", "--width", "1", "--verbose", "--fps", "=", "5", "a.wav"]
    expect(complete("ccstereo", *before, "", files=files), {"frames"})
    expect(complete("ccstereo", *before, "frames", "", files=files),
           {"a.wav", "frames"})
    expect(complete("ccstereo-transcode", "in.mp4", "", files=["o.mkv", "b.c"]),
           {"o.mkv"})


def after_two_dashes_all_are_operands():
    expect(complete("ccstereo", "info", "--", "-", files=["-a.pth", "b.pth"]),
           {"-a.pth"})


def names_with_spaces_are_one_word():
    expect(complete("ccstereo", "info", "my\\ m", files=["my model.pth"]),
           {"my model.pth"})


if __name__ == "__main__":
    tap.run(
        every_option_is_in_the_man_page,
        every_page_has_its_sections,
        every_command_is_in_its_program_s_page,
        pages_have_no_finding_of_mandoc,
        pages_have_no_warning_of_groff,
        every_option_is_completed,
        commands_are_completed_once,
        models_are_completed_by_their_suffixes,
        values_are_completed_after_an_equals_sign,
        a_number_is_not_completed,
        operands_are_completed_by_their_place,
        after_two_dashes_all_are_operands,
        names_with_spaces_are_one_word,
    )
