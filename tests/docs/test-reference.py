#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""test-reference.py HTML SYMBOLS PLUGINS: the reference pages in the folder
HTML describe every function in the list SYMBOLS, and what gst-inspect-1.0 shows
of the elements in the folder PLUGINS ("": there are none). Speaks TAP."""
import html
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote

import tap

HTML = Path(sys.argv[1])
SYMBOLS = Path(sys.argv[2]).read_text(encoding="utf-8").split()
PLUGINS = sys.argv[3]
ELEMENTS = ("ccstereobin", "ccstereodec", "ccstereoenc", "tdsscrop")


def page(path):
    return path.read_text(encoding="utf-8")


def inspect(*arguments):
    if not PLUGINS:
        raise tap.Skip("the elements are not built")
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, GST_PLUGIN_PATH=PLUGINS,
                           GST_REGISTRY=f"{folder}/registry", LC_ALL="C.UTF-8")
        return subprocess.run(["gst-inspect-1.0", *arguments], check=True,
                              env=environment, stdout=subprocess.PIPE,
                              encoding="utf-8").stdout


def every_function_has_a_page():
    text = "".join(page(path) for path in HTML.glob("*.html")
                   if re.match(r"(func|method|ctor|type_func)\.", path.name))
    missing = [name for name in SYMBOLS if not name.endswith("_get_type")
               and not re.search(rf"\b{name}\b", text)]
    assert not missing, f"no page for {missing}"


def every_element_has_a_page_with_its_launch_lines():
    if not PLUGINS:
        raise tap.Skip("the elements are not built")
    for element in ELEMENTS:
        text = page(HTML / f"{element}.html")
        assert "gst-launch-1.0" in text, f"{element}: no launch line"


def every_property_and_pad_of_an_element_is_described():
    for element in ELEMENTS:
        text = html.unescape(page(HTML / f"{element}.html"))
        shown = inspect(element)
        properties = shown.partition("\nElement Properties:\n")[2]
        names = re.findall(r"^  ([\w-]+)\s*:", properties, re.MULTILINE)
        names += re.findall(r"S(?:RC|INK) template: '(\S+)'", shown)
        assert len(names) > 3, f"{element}: nothing was found"
        for name in names:
            if name not in ("name", "parent"):
                assert f"<code>{name}</code>" in text, f"{element}: no {name}"


def links_between_pages_lead_somewhere():
    pages = sorted(HTML.glob("*.html"))
    assert pages
    for path in pages:
        for target in re.findall(r'(?:href|src)="([^":#]+)[#"]', page(path)):
            assert (HTML / unquote(target)).exists(), f"{path.name}: {target}"


if __name__ == "__main__":
    tap.run(
        every_function_has_a_page,
        every_element_has_a_page_with_its_launch_lines,
        every_property_and_pad_of_an_element_is_described,
        links_between_pages_lead_somewhere,
    )
