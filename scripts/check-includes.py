#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Check what the sources include of each other.

Usage: check-includes.py [--count] [SOURCE-DIR]

Reads the #include lines of src/, gst-plugins/, gst-cuda/ and include/ and
fails on

- a circle between modules: X.c, X.cu, X.h, X-private.h and the public header
  include/ccstereo/X.h count as the module X;
- a circle between folders of src/, gst-plugins/ and gst-cuda/;
- an edge that RULES forbids.

It knows #include lines alone: not who calls a function that another module's
header declares.

--count prints the number of files and lines of each folder instead.

Exit status: 0 nothing found, 1 something found, 2 wrong usage.
"""
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOTS = ("src", "gst-plugins", "gst-cuda", "include")
SUFFIXES = {".c", ".cu", ".h", ".in"}
# Folders that #include "..." lines are relative to, besides the file's own.
SEARCHED = ("src/core", "src", "src/files", "src/tools", "src/train",
            "gst-plugins", "gst-cuda", "include")
PUBLIC = "include/ccstereo"
LIBRARY = "src/core"
INCLUDE = re.compile(r'\s*#\s*include\s+["<]([^">]+)[">]')

# (folder, folder that neither it nor a folder below it includes)
RULES = [
    ("src/core/nn", "src/core/backend"),
    ("src/core/nn", "src/core/plan"),
    ("src/core/nn", "src/core/model"),
    ("src/core/backend", "src/core/plan"),
    ("src/core/backend", "src/core/model"),
    ("src/core/plan", "src/core/model"),
    ("src/core/vision", "src/core/model"),
    ("src/core/audio", "src/core/model"),
    ("src/core/checkpoint", "src/core/model"),
    ("src/core/model", "src/core/binauralizer"),
    ("src/core", "src/files"),
    ("src/core", "src/tools"),
    ("src/core", "src/train"),
    ("src/core", "gst-plugins"),
    ("src/files", "src/tools"),
    ("src/files", "src/train"),
    ("src/train", "src/tools"),
    ("gst-plugins", "src/tools"),
    ("gst-plugins", "src/train"),
]


def source_files(root):
    """Return the paths of all sources below ROOTS, relative to root."""
    return {path.relative_to(root).as_posix()
            for name in ROOTS for path in (root / name).rglob("*")
            if path.suffix in SUFFIXES}


def folder_of(path):
    return path.rpartition("/")[0]


class Tree:
    """The sources, their modules and the edges between modules."""

    def __init__(self, root):
        self.root = root
        self.files = source_files(root)
        self.implementation = self.find_implementations()
        self.edges = defaultdict(list)  # (module, module) -> "file:line"
        for path in sorted(self.files):
            self.read(path)

    def find_implementations(self):
        """Map a name X to the module of the library's only X.c."""
        found = defaultdict(list)
        for path in self.files:
            if path.startswith(LIBRARY + "/") and path.endswith(".c"):
                found[Path(path).stem].append(path[:-len(".c")])
        return {name: paths[0] for name, paths in found.items()
                if len(paths) == 1}

    def module_of(self, path):
        name = path.rpartition("/")[2].partition(".")[0]
        if folder_of(path) == PUBLIC and name in self.implementation:
            return self.implementation[name]
        return folder_of(path) + "/" + name.removesuffix("-private")

    def resolve(self, path, included):
        """Return the file that path includes; None: not one of the tree."""
        for base in (folder_of(path),) + SEARCHED:
            parts = []
            for part in f"{base}/{included}".split("/"):
                if part == ".." and parts:
                    parts.pop()
                else:
                    parts.append(part)
            for found in ("/".join(parts), "/".join(parts) + ".in"):
                if found in self.files:
                    return found
        return None

    def read(self, path):
        lines = (self.root / path).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            found = match and self.resolve(path, match.group(1))
            if found:
                edge = self.module_of(path), self.module_of(found)
                self.edges[edge].append(f"{path}:{number}")


def circles(edges):
    """Yield each set of nodes that reach each other (Tarjan's algorithm)."""
    after = defaultdict(set)
    for start, end in edges:
        if start != end:
            after[start].add(end)
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for end in after.get(node, ()):
            if end not in index:
                visit(end)
                low[node] = min(low[node], low[end])
            elif end in stack:
                low[node] = min(low[node], index[end])
        if low[node] == index[node]:
            first = stack.index(node)
            if len(stack) - first > 1:
                found.append(set(stack[first:]))
            del stack[first:]

    sys.setrecursionlimit(10000)
    for node in list(after):
        if node not in index:
            visit(node)
    return found


def report_circles(kind, edges):
    """Print each circle with its edges. Returns how many there are."""
    found = circles(edges)
    for nodes in found:
        names = ", ".join(sorted(nodes))
        print(f"circle between {kind}: {names}")
        for (start, end), places in sorted(edges.items()):
            if start != end and start in nodes and end in nodes:
                print(f"  {start} -> {end}: {places[0]}")
    return len(found)


def is_in(folder, parent):
    return folder == parent or folder.startswith(parent + "/")


def report_forbidden(edges):
    """Print each edge that RULES forbids. Returns how many there are."""
    count = 0
    for (start, end), places in sorted(edges.items()):
        for folder, forbidden in RULES:
            if is_in(start, folder) and is_in(end, forbidden):
                print(f"{folder} must not include {forbidden}: "
                      + ", ".join(places))
                count += 1
    return count


def print_counts(tree):
    folders = defaultdict(lambda: [0, 0])
    for path in tree.files:
        count = folders[folder_of(path)]
        count[0] += 1
        count[1] += len((tree.root / path).read_bytes().splitlines())
    for folder, (files, lines) in sorted(folders.items()):
        print(f"{files:4} files {lines:6} lines  {folder}")


def main():
    arguments = sys.argv[1:]
    count = "--count" in arguments
    paths = [a for a in arguments if a != "--count"]
    if len(paths) > 1 or any(p.startswith("-") for p in paths):
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(paths[0]) if paths else Path(__file__).parent.parent
    tree = Tree(root)
    if not tree.files:
        print(f"{root}: no sources in", *ROOTS, file=sys.stderr)
        return 2
    if count:
        print_counts(tree)
        return 0
    # Public headers form one folder; the module that implements one counts.
    folders = defaultdict(list)
    for (start, end), places in tree.edges.items():
        pair = folder_of(start), folder_of(end)
        if PUBLIC not in pair:
            folders[pair] += places
    found = (report_circles("modules", tree.edges)
             + report_circles("folders", folders) + report_forbidden(folders))
    if not found:
        print(f"{len(tree.files)} files: no circles, no forbidden includes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
