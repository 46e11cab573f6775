"""The script and the style of the page: files of `assets/`, put together without a build step.

The files are modules of JavaScript that import each other by name, as an editor reads them. In the page they are
one module script, in the order of `MODULES`: each is a function with a scope of its own that returns its exports.

    import { number } from "./format.js";          const $tables = (() => { const { number } = $format;
    export const show = () => number(1);     ──▶   const show = () => number(1);
                                                   return { show }; })();

The Content-Security-Policy names the whole by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from importlib.resources import files

MODULES = (
    "format.js",
    "data.js",
    "state.js",
    "dom.js",
    "histogram.js",
    "cube.js",
    "drawings.js",
    "timeline.js",
    "brush.js",
    "heatmap.js",
    "sorting.js",
    "tables.js",
    "theme.js",
    "filter.js",
    "copy.js",
    "difference.js",
    "exchange.js",
    "waterfall.js",
    "instance.js",
    "instances.js",
    "main.js",
)
"""Every file of `assets/` that the page runs, each after those that it imports from."""

UPLOT = "uPlot 1.6.32"
"""What is vendored, in `assets/vendor/uplot`, byte for byte as npm has it."""

UPLOT_SHA256 = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
"""The checksums of the vendored files, which a test compares."""

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (const|let|class|function|async function) (\w+)", re.MULTILINE)


def module(name: str) -> str:
    """A file of `assets/` as the page has it: what `format.js` exports is in `$format`."""
    text = _read(name)
    exported = ", ".join(found for _, found in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const \1 = $\2;", text))
    return f"const ${name.removesuffix('.js')} = (() => {{\n{body}return {{ {exported} }};\n}})();"


@lru_cache(maxsize=1)
def script() -> str:
    """The script of the page, with the licence of what is in it."""
    licence = f"/*! {UPLOT}\n{vendored('LICENSE')}\n*/"
    return "\n".join([licence, vendored("uPlot.iife.min.js"), *map(module, MODULES)]).strip()


def style(page: str) -> str:
    """The style of the page: that of uPlot, that of the page itself, and that of what the script adds."""
    return "\n".join([vendored("uPlot.min.css"), page.strip(), _read("instances.css").strip()])


def vendored(name: str) -> str:
    """A file of uPlot."""
    return _read(f"vendor/uplot/{name}").strip()


def csp_hash(text: str) -> str:
    """`sha256-…` of an inline script or style, for a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (files("windtunnel.report") / "assets" / name).read_text(encoding="utf-8")
