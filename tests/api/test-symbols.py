#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-symbols.py LIBRARY LIST PACKAGED HEADERS...: the library exports what the
public headers declare, and what LIST in the tree and PACKAGED, the list of the
Debian package, have; no more and no less.

After a change of the interface, write LIST again with the variable
CCSTEREO_UPDATE_SYMBOLS=1 set, and add new names to PACKAGED with the version that
has them."""
import os
import re
import subprocess
import sys
from pathlib import Path

from tap import Tap


def exported(library):
    """Functions and data that @library exports, without versions."""
    text = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                          capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in text.splitlines()}


def code_of(header):
    """@header without comments and preprocessor lines."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    text = re.sub(r"\\\n", "", text)
    return re.sub(r"^\s*#.*$", "", text, flags=re.M)


def declared(code, mark=""):
    """Names of the functions that @code declares, those after @mark alone."""
    return set(re.findall(mark + r"\b(ccs_\w+)\s*\(", code))


def difference(left, right):
    lines = [f"only in {left[0]}: {name}" for name in sorted(left[1] - right[1])]
    lines += [f"only in {right[0]}: {name}" for name in sorted(right[1] - left[1])]
    return "\n".join(lines)


def main():
    library, listed, packaged, *folders = sys.argv[1:]
    headers = [path for folder in folders for path in Path(folder).glob("*.h")]
    code = "\n".join(code_of(header) for header in headers)
    public = declared(code, r"\bCCS_API\b[^;{}()]*?")
    found = exported(library)
    if os.environ.get("CCSTEREO_UPDATE_SYMBOLS"):
        Path(listed).write_text("".join(f"{name}\n" for name in sorted(found)))
    tap = Tap()
    tap.check("every_declaration_is_marked_for_export",
              difference(("headers", declared(code)), ("marked", public)))
    tap.check("the_library_exports_what_the_headers_declare",
              difference(("library", found), ("headers", public)))
    tap.check("the_library_exports_what_the_list_has",
              difference(("library", found),
                         ("list", set(Path(listed).read_text().split()))))
    tap.check("the_library_exports_what_the_debian_package_lists",
              difference(("library", found),
                         ("package", set(re.findall(
                             r"^ (\w+)@", Path(packaged).read_text(), re.M)))))
    tap.finish()


main()
