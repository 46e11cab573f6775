"""The page of limits says what the code holds to."""

from __future__ import annotations

import pytest

from tests.support import ROOT
from windtunnel.actions.response import html_xml, json_schema, matchers
from windtunnel.config import overrides
from windtunnel.engine.sut import output
from windtunnel.expressions import fake, json_walk, limits, quantities
from windtunnel.http import decoding, tokens
from windtunnel.model import charset
from windtunnel.storage import copies, heads

PAGE = (ROOT / "docs" / "reference" / "limits.md").read_text()

FIGURES = {
    "characters or items of a value": limits.MAX_TEXT,
    "steps: items, rounds of loops, calls, 256 characters that are read": limits.MAX_STEPS,
    "decimal digits of a whole number": limits.MAX_DIGITS,
    "parts of one template": limits.MAX_PARTS,
    "of anything that `fake` makes in one call": fake.MOST,
    "values of a document that one JSON path looks at": json_walk.MAX_VALUES,
    "times that a JSON schema looks": json_schema.MAX_JUDGEMENTS,
    "items that `each` and `any` look at": matchers.MAX_ITEMS,
    "bytes of a page that": html_xml.MAX_PAGE,
    "comparisons of nodes": html_xml.MAX_COMPARISONS,
    "bytes of a body in an East Asian": charset.MAX_MULTIBYTE,
    "codings of a body": decoding.MAX_CODINGS,
    "parts of gzip or zstd data": decoding.MAX_MEMBERS,
    "bytes of an answer to a token request": tokens.MAX_TOKEN_BODY,
    "access tokens of users and rows": tokens.MAX_SOURCES,
    "bodies that a run keeps": copies.MAX_BODY_FILES,
    "bytes of such bodies": copies.MAX_BODY_BYTES,
    "characters of headers that a run keeps": heads.MAX_HEADS,
    "characters of the headers of one": heads.MAX_HEAD,
    "bytes that `sut.log` keeps of the beginning": output.HEAD,
    "bytes that it keeps of the end": output.TAIL,
    "bytes of a line there": output.LONGEST_LINE,
    "hours of a duration": quantities.MAX_HOURS,
    "starts or other events per second": quantities.MAX_RATE,
    "TiB of a size": quantities.MAX_TIB,
    "users, and instances at the same time": quantities.MAX_USERS,
    "a count, a seed": quantities.MAX_WHOLE,
    "processes": overrides.MOST_WORKERS,
}


@pytest.mark.parametrize("limit", FIGURES)
def test_the_page_of_limits_has_the_figure_of_the_code(limit: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {limit}")]

    assert row.split("|")[2].strip() == f"{FIGURES[limit]:,}"


def test_every_row_of_the_page_is_compared_with_the_code() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| limit |")]

    assert len(rows) == len(FIGURES)
