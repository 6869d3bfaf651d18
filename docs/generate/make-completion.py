#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a program's completion for bash.

Commands, options and operands come from the program's --help. What a value may
be is in the file VALUES, one rule a line:

    PAGE  OPTION|OPERAND  files [SUFFIX...] | folders | words WORD...

PAGE is the name of a man page, or "*" for every page with such an option;
OPERAND counts from 1. Without a rule, values called FILE are files, and those
called DIR or FOLDER (also FRAMES_DIR) are folders; operands are files.
"""
import argparse
import re
import sys
from pathlib import Path

from program_help import HelpError, read_program

TEMPLATE = """\
# shellcheck shell=bash
# Completion of {name} for bash, made from its --help.

# Adds the files that have one of these suffixes (none: any file), and folders.
{function}_files() {{
  local suffix
  compopt -o filenames 2>/dev/null
  if [[ $# -eq 0 ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    return
  fi
  mapfile -t COMPREPLY < <(
    compgen -d -- "$cur"
    for suffix; do compgen -f -X "!*.$suffix" -- "$cur"; done)
}}

{function}_folders() {{
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$cur")
}}

{function}_words() {{
  mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur")
}}

{function}() {{
  local cur=${{COMP_WORDS[COMP_CWORD]:-}} option='' command='' operand=1
  local options='' commands='{commands}' valued='' at word only_operands=''

  COMPREPLY=()
  {function}_command "$command"
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${{COMP_WORDS[at]}}
    option=''
    if [[ $word == -- && -z $only_operands ]]; then
      only_operands=yes
    elif [[ $word == -* && -z $only_operands ]]; then
      # "--option=value" comes as three words
      if [[ ${{COMP_WORDS[at + 1]:-}} == = ]]; then
        option=$word
        ((at += 2))
      elif [[ $valued == *"|$word|"* ]]; then
        option=$word
        ((at += 1))
      fi
    elif [[ -n $commands && -z $command ]]; then
      command=$word
      {function}_command "$command"
    else
      ((operand += 1))
    fi
  done
  # past the word to complete: that is the option's value
  ((at > COMP_CWORD)) || option=''
  [[ $cur != = ]] || cur=''
  # quotes and backslashes that bash has left in the word
  cur=${{cur#[\\"\\']}}
  cur=${{cur//\\\\/}}

  if [[ -n $option ]]; then
    {function}_value "$command" "$option"
  elif [[ $cur == -* && -z $only_operands ]]; then
    {function}_words "$options"
  elif [[ -n $commands && -z $command ]]; then
    {function}_words "$commands"
  else
    {function}_operand "$command" "$operand"
  fi
}}

# Sets the options of a command, and those of them that take a value.
{function}_command() {{
  case $1 in
{options}
    *) options='' valued='' ;;
  esac
}}

# Completes an option's value.
{function}_value() {{
  case "$1 $2" in
{values}
  esac
}}

# Completes an operand, counted from 1.
{function}_operand() {{
  case "$1 $2" in
{operands}
  esac
}}

complete -F {function} {name}
"""


class Rules:
    """The lines of VALUES."""

    def __init__(self, path):
        self.path = path
        self.rules = {}
        for number, line in enumerate(
                path.read_text(encoding="utf-8").splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 3 or words[2] not in ("files", "folders", "words"):
                raise HelpError(f"{path}:{number}: not a rule: \"{line}\"")
            self.rules[words[0], words[1]] = words[2:]
        self.unused = set(self.rules)

    def find(self, page, name):
        for key in ((page, name), ("*", name)):
            if key in self.rules:
                self.unused.discard(key)
                return self.rules[key]
        return None

    def check_used(self, pages):
        """A rule for one of @pages that applies to nothing is a mistake."""
        for page, name in sorted(self.unused):
            if page in pages:
                raise HelpError(f"{self.path}: {page} has no \"{name}\"")


def default_rule(value_name):
    """What a value may be, by its name alone; None: anything."""
    if value_name == "FILE":
        return ["files"]
    if re.search(r"DIR|FOLDER", value_name):
        return ["folders"]
    return None


def call(function, rule):
    """The shell command that completes by @rule."""
    return f"{function}_{rule[0]} {' '.join(rule[1:])}".rstrip()


def check_words(page, option, rule):
    """An option's own words stand in its help."""
    for word in rule[1:] if rule[0] == "words" else []:
        if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", option.text):
            raise HelpError(f"{page.page}: the help of --{option.long} does "
                            f"not name \"{word}\"")


def option_cases(function, page, command, rules):
    """The branches that complete @page's options."""
    for option in page.options:
        rule = rules.find(page.page, f"--{option.long}")
        if rule and not option.argument:
            raise HelpError(f"{page.page}: --{option.long} takes no value")
        rule = rule or default_rule(option.argument or "")
        if rule:
            check_words(page, option, rule)
            pattern = "|".join(f"'{command} {spelling}'"
                               for spelling in option.spellings())
            yield f"    {pattern}) {call(function, rule)} ;;"


def operand_cases(function, page, command, rules):
    for number, name in enumerate(page.operands, 1):
        rule = (rules.find(page.page, str(number)) or default_rule(name)
                or ["files"])
        yield f"    '{command} {number}') {call(function, rule)} ;;"


def command_case(page, command):
    spellings = [spelling for option in page.options
                 for spelling in option.spellings()]
    valued = [spelling for option in page.options if option.argument
              for spelling in option.spellings()]
    valued = f"|{'|'.join(valued)}|" if valued else ""
    return (f"    '{command}')\n"
            f"      options='{' '.join(spellings)}'\n"
            f"      valued='{valued}' ;;")


def make_completion(pages, rules):
    function = "_" + re.sub(r"\W", "_", pages[0].page)
    options, values, operands = [], [], []
    for page in pages:
        command = page.words[1] if len(page.words) > 1 else ""
        options.append(command_case(page, command))
        values += option_cases(function, page, command, rules)
        if not page.commands:
            operands += operand_cases(function, page, command, rules)
    rules.check_used({page.page for page in pages})
    return TEMPLATE.format(
        name=pages[0].page, function=function,
        commands=" ".join(name for name, _ in pages[0].commands),
        options="\n".join(options), values="\n".join(values),
        operands="\n".join(operands))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--values", type=Path, required=True,
                        help="file of rules for values")
    parser.add_argument("--commands", nargs="*", default=[],
                        help="the subcommands that are built")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    options.output.write_text(
        make_completion(read_program(options.program, options.commands),
                        Rules(options.values)),
        encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except (HelpError, OSError) as error:
        sys.exit(f"make-completion: {error}")
