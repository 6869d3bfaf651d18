# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what a program prints for --help.

The man pages and the completion are made from it, so that an option is
described in one place: the program's own table. What is read is the format of
GLib's GOption: "Usage:" with the synopsis and a summary after " - ", blocks of
options whose headings end in "ptions:", a block "Commands:", and text.
"""
import os
import re
import subprocess
from dataclasses import dataclass, field

OPTION = re.compile(r"  (?:-(?P<short>\w), )?--(?P<long>[\w-]+)"
                    r"(?:=(?P<argument>\S+))?(?:\s{2,}(?P<text>\S.*))?$")
ITEM = re.compile(r"  (?P<term>\S.*?)\s{2,}(?P<text>\S.*)$")
EXIT_STATUS = re.compile(r"Exit status: (.*?)\.?$")
CODE_INDENT = 4


@dataclass
class Option:
    """A row of the option table."""
    long: str
    short: str | None
    argument: str | None
    text: str

    def spellings(self):
        """As typed, the short one first."""
        return ([f"-{self.short}"] if self.short else []) + [f"--{self.long}"]


@dataclass
class Block:
    """Part of a text: kind is "text", "code" or "list" (of [term, text])."""
    kind: str
    lines: list = field(default_factory=list)


@dataclass
class Help:
    """What one --help says. words: the program and its subcommand."""
    words: list
    usage: list                 # the words of the usage behind them
    summary: str
    options: list
    commands: list              # of (name, summary)
    description: list           # of Block
    exit_status: list           # of (status, meaning)

    @property
    def page(self):
        """The name of its man page."""
        return "-".join(self.words)

    @property
    def operands(self):
        return [word for word in self.usage if not is_option(word)]


def is_option(word):
    """Whether a word of the usage is the placeholder for options."""
    return word.startswith("[OPTION")


class HelpError(Exception):
    """A help text that is not in the expected format."""


def parse_blocks(lines):
    """Divides a text into blocks. Lines indented by two spaces with a gap in
    them are items of a list; lines indented further are code, or continue the
    item above."""
    blocks = []
    current = None
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        item = ITEM.match(line)
        if not line.strip():
            current = None
            continue
        if current and current.kind == "list" and indent >= CODE_INDENT:
            current.lines[-1][1] += " " + line.strip()
            continue
        kind = ("list" if item and indent == 2
                else "code" if indent >= CODE_INDENT else "text")
        if not current or current.kind != kind:
            current = Block(kind)
            blocks.append(current)
        if kind == "list":
            current.lines.append([item["term"], item["text"]])
        else:
            current.lines.append(line[CODE_INDENT:] if kind == "code"
                                 else line.strip())
    return blocks


def take_exit_status(blocks):
    """Removes the line "Exit status: 0 done, 1 ..." at a paragraph's end and
    returns its pairs."""
    for block in blocks:
        match = block.kind == "text" and EXIT_STATUS.match(block.lines[-1])
        if match:
            del block.lines[-1]
            blocks[:] = [block for block in blocks if block.lines]
            return [tuple(pair.split(" ", 1)) for pair in match[1].split(", ")]
    return []


def parse_usage(words, line):
    """The words behind the name below "Usage:", and the summary."""
    name = " ".join(words)
    usage, _, summary = line.strip().partition(" - ")
    if not usage.startswith(name) or not summary:
        raise HelpError(f"{name}: the usage is not \"{name} ... - summary\", "
                        f"but \"{line.strip()}\"")
    return usage[len(name):].split(), summary.strip()


def parse_option(words, line):
    match = OPTION.match(line)
    if not match:
        raise HelpError(f"{' '.join(words)}: not an option: \"{line}\"")
    return Option(match["long"], match["short"], match["argument"],
                  match["text"] or "")


def parse_command(words, line):
    match = ITEM.match(line)
    if not match:
        raise HelpError(f"{' '.join(words)}: not a command: \"{line}\"")
    return match["term"], match["text"]


def parse_help(words, text):
    """Reads @text, printed by the program @words for --help."""
    lines = text.splitlines()
    options, commands, rest = [], [], []
    usage = None
    at = 0
    while at < len(lines):
        heading = lines[at]
        at += 1
        block = []
        if heading == "Usage:" or re.fullmatch(r"(\S.*)?([Oo]ptions|Commands):",
                                               heading):
            while at < len(lines) and lines[at].strip():
                block.append(lines[at])
                at += 1
        if heading == "Usage:":
            usage = " ".join(block)
        elif heading == "Commands:":
            commands += [parse_command(words, line) for line in block]
        elif block:
            options += [parse_option(words, line) for line in block]
        else:
            rest.append(heading)
    if not usage or not options:
        raise HelpError(f"{' '.join(words)}: --help has no usage or no options")
    usage_words, summary = parse_usage(words, usage)
    description = parse_blocks(rest)
    return Help(words, usage_words, summary, options, commands, description,
                take_exit_status(description))


def run_help(executable, command=()):
    """The standard output of "EXECUTABLE [COMMAND] --help", in English."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE="")
    # a sanitizer's report on leaks is a test's business, not the build's
    environment["ASAN_OPTIONS"] = ":".join(
        filter(None, [environment.get("ASAN_OPTIONS"), "detect_leaks=0"]))
    return subprocess.run([executable, *command, "--help"], check=True,
                          env=environment, stdout=subprocess.PIPE,
                          encoding="utf-8").stdout


def read_program(executable, commands):
    """The Help of a program and of each of its subcommands, which have the
    program's exit status where they name none. The program has @commands, and
    perhaps others whose part is not built and which are left out."""
    name = os.path.basename(executable)
    program = parse_help([name], run_help(executable))
    missing = set(commands) - {command for command, _ in program.commands}
    if missing:
        raise HelpError(f"{name} has no command {', '.join(sorted(missing))}")
    program.commands = [pair for pair in program.commands
                        if pair[0] in commands]
    pages = [program]
    for command, _ in program.commands:
        page = parse_help([name, command], run_help(executable, [command]))
        page.exit_status = page.exit_status or program.exit_status
        pages.append(page)
    return pages
