#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-headers.py --cc CC --cxx CXX --include FOLDER...: each public header
compiles on its own without a warning, as C and as C++, and none has the name of
a header of the C library."""
import argparse
import shlex
import subprocess
from pathlib import Path

from tap import Tap

LANGUAGES = {
    "c": ["-x", "c", "-std=c11"],
    "c++": ["-x", "c++", "-std=c++11"],
}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def compile_one(command, language, folders, flags, header):
    """What the compiler prints for a source that includes @header twice."""
    source = f"#include <{header}>\n" * 2 + "int unused_;\n"
    run = subprocess.run(
        [*command, *LANGUAGES[language], *WARNINGS, "-fsyntax-only",
         *(f"-I{folder}" for folder in folders), *flags, "-"],
        input=source, capture_output=True, text=True)
    return run.stderr if run.returncode else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", required=True)
    parser.add_argument("--cxx", required=True)
    parser.add_argument("--include", action="append", required=True)
    options = parser.parse_args()
    flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], check=True,
                           capture_output=True, text=True).stdout.split()
    flags = [flag.replace("-I", "-isystem", 1) for flag in flags]
    headers = sorted(str(path.relative_to(folder)) for folder in options.include
                     for path in Path(folder).rglob("*.h"))
    tap = Tap()
    for language, command in ("c", options.cc), ("c++", options.cxx):
        for header in headers:
            name = f"{header} compiles alone as {language}"
            if command:
                tap.check(name, compile_one(shlex.split(command), language,
                                            options.include, flags, header))
            else:
                tap.skip(name, f"no {language} compiler")
    outside = [path.name for folder in options.include
               for path in Path(folder).iterdir()
               if path.suffix == ".h" or path.is_dir() and path.name != "ccstereo"]
    tap.check("the include path holds the folder ccstereo alone",
              "\n".join(outside))
    tap.finish()


main()
