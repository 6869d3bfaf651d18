#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the man pages of a program and of its subcommands.

Synopsis, options and exit status come from the program's --help; the folder
TEXTS may add to them: PAGE.txt has further sections under lines "# SECTION", in
the format of program_help.parse_blocks(). In its section ENVIRONMENT a line
that is the name of a variable is replaced by its text in environment.txt.
"""
import argparse
import os
import re
import sys
import textwrap
import time
from pathlib import Path

from program_help import (Block, HelpError, is_option, parse_blocks,
                          read_program)

SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS",
            "EXIT STATUS", "ENVIRONMENT", "FILES", "NOTES", "EXAMPLES",
            "SEE ALSO"]
# Of a line of running text before it is marked up.
LINE = 64
# Options, and man pages before their "(1)".
BOLD = re.compile(r"((?<![\w-])--?[A-Za-z][\w-]*|[\w.-]+(?=\(\d\)))")


def quote(text):
    """@text without a character that is special to troff."""
    return text.replace("\\", "\\e").replace("-", "\\-")


def as_line(text):
    """Quoted @text at the beginning of a line, where a dot is a request."""
    return "\\&" + text if text.startswith((".", "'")) else text


def bold(text):
    """Bold @text, never hyphenated."""
    return f"\\%\\fB{quote(text)}\\fR"


def italic(text):
    return f"\\fI{quote(text)}\\fR"


def running(text):
    """Lines of running text, in which options and man pages are bold."""
    lines = textwrap.wrap(text, LINE, break_long_words=False,
                          break_on_hyphens=False)
    for number, line in enumerate(lines):
        parts = BOLD.split(line)
        lines[number] = as_line(
            "".join(bold(part) if index % 2 else quote(part)
                    for index, part in enumerate(parts)))
    return lines


def render(block, out, first):
    if block.kind == "list":
        for term, text in block.lines:
            out += [".TP", bold(term), *running(text)]
        return
    if not first:
        out.append(".PP")
    if block.kind == "code":
        out += [".nf", ".RS 4", *(as_line(quote(line)) for line in block.lines), ".RE",
                ".fi"]
    else:
        out += running(" ".join(block.lines))


def render_option(option):
    spellings = ", ".join(map(bold, option.spellings()))
    if option.argument:
        spellings += f"={italic(option.argument)}"
    return [".TP", spellings, *running(option.text)]


def read_sections(path):
    """The sections of a text: {"SECTION": [line, ...]}."""
    sections = {}
    lines = None
    if not path.exists():
        return sections
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            lines = sections.setdefault(line[2:].strip(), [])
        elif line.startswith("<!--"):
            continue
        elif lines is not None:
            lines.append(line)
        elif line.strip():
            raise HelpError(f"{path}: text before the first \"# SECTION\"")
    return sections


def environment_block(page, names, variables):
    missing = [name for name in names if name not in variables]
    if missing:
        raise HelpError(f"{page}: environment.txt does not describe "
                        f"{', '.join(missing)}")
    return Block("list", [[name, variables[name]] for name in names])


def read_variables(texts):
    """{variable: text} of environment.txt."""
    variables = {}
    path = texts / "environment.txt"
    for block in parse_blocks(read_sections(path).get("ENVIRONMENT", [])):
        if block.kind == "list":
            variables.update(map(tuple, block.lines))
    return variables


def see_also(page, pages, others):
    """The program's other pages, then the other programs."""
    if len(page.words) > 1:
        names = [pages[0].page] + others
    else:
        names = [other.page for other in pages[1:]] + others
    return ",\n".join(f"{bold(name)}(1)" for name in names).splitlines()


def synopsis(page):
    words = [bold(" ".join(page.words))]
    for word in page.usage:
        words.append("[\\fIOPTION\\fR...]" if is_option(word)
                     else italic(word))
    return [" ".join(words)]


def without_capital(text):
    """The summary as a man page's NAME has it."""
    keep = len(text) < 2 or text[1].isupper()
    return (text if keep else text[0].lower() + text[1:]).rstrip(".")


def make_sections(page, pages, others, texts):
    """{"SECTION": [line of troff, ...]}"""
    extra = read_sections(texts / f"{page.page}.txt")
    variables = [line.strip() for line in extra.pop("ENVIRONMENT", [])
                 if line.strip()]
    out = {
        "NAME": [f"{quote(page.page)} \\- "
                 f"{quote(without_capital(page.summary))}"],
        "SYNOPSIS": synopsis(page),
        "DESCRIPTION": [],
        "COMMANDS": [],
        "OPTIONS": [],
        "EXIT STATUS": [],
    }
    for index, block in enumerate(page.description):
        render(block, out["DESCRIPTION"], index == 0)
    for name, summary in page.commands:
        out["COMMANDS"] += [".TP", bold(name), *running(summary + "."),
                            f"See {bold(page.page + '-' + name)}(1)."]
    for option in page.options:
        out["OPTIONS"] += render_option(option)
    for status, meaning in page.exit_status:
        out["EXIT STATUS"] += [".TP", bold(status), *running(meaning)]
    if variables:
        out["ENVIRONMENT"] = []
        render(environment_block(page.page, variables, read_variables(texts)),
               out["ENVIRONMENT"], True)
    for name, lines in extra.items():
        section = out.setdefault(name, [])
        for block in parse_blocks(lines):
            render(block, section, not section)
    out["SEE ALSO"] = see_also(page, pages, others) + out.get("SEE ALSO", [])
    return {name: lines for name, lines in out.items() if lines}


def section_order(name):
    """Sections of other names come after the options."""
    known = name if name in SECTIONS else "OPTIONS"
    return SECTIONS.index(known), name not in SECTIONS


def page_date():
    """The day of the sources where the environment says which, else today."""
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


def make_page(page, pages, options):
    lines = [f".\\\" Made from the --help of {' '.join(page.words)}.",
             f".TH {quote(page.page).upper()} 1 {page_date()} "
             f"\"{options.source}\" \"User Commands\""]
    sections = make_sections(page, pages, options.others, options.texts)
    for name in sorted(sections, key=section_order):
        lines += [f".SH {name}" if " " not in name else f".SH \"{name}\"",
                  *sections[name]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path, required=True,
                        help="folder with further sections")
    parser.add_argument("--source", required=True,
                        help="package and version, for the page's foot")
    parser.add_argument("--others", nargs="*", default=[],
                        help="other programs, for SEE ALSO")
    parser.add_argument("--commands", nargs="*", default=[],
                        help="the subcommands that are built")
    parser.add_argument("--output", type=Path, required=True,
                        help="folder for the pages")
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    pages = read_program(options.program, options.commands)
    for page in pages:
        (options.output / f"{page.page}.1").write_text(
            make_page(page, pages, options), encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except (HelpError, OSError) as error:
        sys.exit(f"make-man: {error}")
