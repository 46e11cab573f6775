"""Where a failing instance parts from a passing one of the same scenario, and what differed before that.

Steps are paired by name, round and occurrence, requests by their position in the step. Two kinds of differences:

- *telling* ones: a step that only one of them ran, an outcome, a fault, a transport error, a status, a check;
- *values*: of a URL, a header, a body. They may be the cause, but most of them are only the data of the instance.

The first telling difference is where the two part; what follows it is its consequence and is not told. Values
that differ before it are its possible causes. A difference counts only when no passing instance shows what the
failing one shows, and a value only when all passing ones agree on it: what always differs (ids, dates, data) is
learned from them. Where there is one passing instance alone, `observed` knows the usual names and shapes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from windtunnel.figures import plural
from windtunnel.report.model import Story
from windtunnel.report.observed import VALUES, Key, Observed, Part, Section, Spot, anywhere, observe

MOST_CAUSES = 8
"""Maximum number of differing values that are told of one pair."""

MOST_LEARNED = 12
"""Maximum number of passing instances of one scenario that are read to learn what always differs."""

_NOUNS: dict[Part, str] = {
    "url": "URL",
    "request_header": "request header",
    "request_body": "request body",
    "response_header": "response header",
    "response_body": "response body",
}

_ORDER: dict[Part, int] = {part: number for number, part in enumerate(get_args(Part))}

Row = tuple[int | None, int | None]
"""Positions of a pair of steps in the failing and in the passing instance; None where one did not run it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference. `here` and `there` are positions of the step in the failing and in the passing instance.

    `request` is the position of the request in the step, -1 when it is none of a request. `what` is the name of a
    check or a header, or a JSON path. `failing` and `passing` are the two values; None where there is none.
    """

    part: Part
    step: str
    here: int | None
    there: int | None
    request: int = -1
    what: str = ""
    failing: str | None = None
    passing: str | None = None

    @property
    def telling(self) -> bool:
        """Whether it is more than a value."""
        return self.part not in VALUES

    @property
    def sentence(self) -> str:
        """`step "pay": status 200 became 503`."""
        return f'step "{self.step}": {self._said()}'

    def _said(self) -> str:
        failing, passing = self.failing, self.passing
        if self.part == "step":
            return f"only the {'failing' if passing is None else 'passing'} instance ran it"
        if self.part == "fault":
            return f'fault "{failing}" was injected' if failing else f'fault "{passing}" was not injected'
        if self.part == "error":
            return f"no complete response: {failing}" if failing else f"{passing} did not happen"
        if self.part == "check":
            return f'check "{self.what}" failed: {failing}'
        if self.part == "requests":
            return f"{plural(int(passing or 0), 'request')} became {failing or 0}"
        if self.part == "status" and not passing:
            return f"one more request, answered with {failing}"
        if self.part == "status" and not failing:
            return f"one request less: none was answered with {passing}"
        if self.part in {"status", "outcome"}:
            return f"{self.part} {passing} became {failing}"
        place = " ".join(filter(None, (_NOUNS[self.part], self.what)))
        if passing is None:
            return f"{place} is new: {failing}"
        if failing is None:
            return f"{place} is missing, it was {passing}"
        return f"{place} {passing} became {failing}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A failing instance beside a passing one.

    `rows` pairs positions of their steps, in the order in which they are shown side by side. `first` is where the
    two part, `before` the values that differ up to there, `more` the number of those that are omitted.
    """

    passing_id: str
    rows: tuple[Row, ...]
    first: Difference | None
    before: tuple[Difference, ...] = ()
    more: int = 0


class PassingOnes:
    """Passing instances of one scenario, which tell a difference from what always differs.

    At most `MOST_LEARNED` of those given count, spread over all; first those of which bodies were kept.
    """

    def __init__(self, stories: Sequence[Story]) -> None:
        whole = [story for story in stories if _has_bodies(story)]
        self.stories = _spread(whole or stories, MOST_LEARNED)
        self._observed = {story.instance_id: observe(story) for story in self.stories}
        self._ran = Counter(key for observed in self._observed.values() for key in observed.keys)
        self._changing: dict[Spot, frozenset[str]] = {}

    def nearest(self, story: Story) -> Story | None:
        """The one that was started at the time nearest to the start of another instance."""
        return min(self.stories, key=lambda passing: abs(passing.began_s - story.began_s), default=None)

    def observed(self, passing: Story) -> Observed:
        """What a passing instance shows."""
        return self._observed.get(passing.instance_id) or observe(passing)

    def always_ran(self, key: Key) -> bool:
        """Whether every one ran that step."""
        return self._ran[key] == len(self.stories)

    def ever_ran(self, key: Key) -> bool:
        """Whether any one ran that step."""
        return self._ran[key] > 0

    def show(self, spot: Spot, text: str) -> bool:
        """Whether any of them shows that text there."""
        return any(text in section.texts.values() for section in self._at(spot))

    def change(self, spot: Spot, what: str) -> bool:
        """Whether a value differs among them."""
        if spot not in self._changing:
            self._changing[spot] = frozenset(self._changing_at(spot))
        return anywhere(what) in self._changing[spot]

    def _changing_at(self, spot: Spot) -> Iterator[str]:
        sections = self._at(spot)
        if len({section.raw for section in sections}) > 1:
            for what in {what: None for section in sections for what in section.texts}:
                if len({section.steady(what) for section in sections}) > 1:
                    yield anywhere(what)

    def _at(self, spot: Spot) -> list[Section]:
        found = (observed.sections.get(spot[0], {}).get(spot) for observed in self._observed.values())
        return [section for section in found if section is not None]


def passing_ones(stories: Sequence[Story]) -> dict[str, PassingOnes]:
    """The passing instances of each scenario that has any."""
    found: dict[str, list[Story]] = {}
    for story in stories:
        if story.outcome == "passed" and story.fault is None:
            found.setdefault(story.scenario, []).append(story)
    return {scenario: PassingOnes(passing) for scenario, passing in found.items()}


def compare(failing: Story, passing: Story, others: PassingOnes | None = None) -> Comparison:
    """Put a failing instance beside a passing one. `others`: the passing ones of the scenario."""
    known = PassingOnes([passing]) if others is None else others
    here, there = observe(failing), known.observed(passing)
    rows = _rows(here.keys, there.keys)
    before: list[Difference] = []
    first: Difference | None = None
    for difference in (found for row in rows for found in _of_row(row, here, there, known)):
        if difference.telling:
            first = difference
            break
        before.append(difference)
    if first is None and before:
        first, before = before[0], before[1:]
    # The last ones are kept: what differs right before is the likelier cause.
    return Comparison(
        passing_id=passing.instance_id,
        rows=tuple(rows),
        first=first,
        before=tuple(before[-MOST_CAUSES:]),
        more=max(0, len(before) - MOST_CAUSES),
    )


def _has_bodies(story: Story) -> bool:
    return any(request.response_body for step in story.steps for request in step.requests)


def _spread(stories: Sequence[Story], most: int) -> list[Story]:
    """At most so many of them, at equal distances."""
    if len(stories) <= most:
        return list(stories)
    return [stories[number * len(stories) // most] for number in range(most)]


def _rows(here: Sequence[Key], there: Sequence[Key]) -> list[Row]:
    """The steps of the failing instance in order; one that only the other ran follows its predecessor there."""
    position = {key: index for index, key in enumerate(there)}
    own = set(here)
    after: dict[Key | None, list[Row]] = {}
    last: Key | None = None
    for index, key in enumerate(there):
        if key in own:
            last = key
        else:
            after.setdefault(last, []).append((None, index))
    rows = after.get(None, [])
    for index, key in enumerate(here):
        rows.append((index, position.get(key)))
        rows += after.get(key, ())
    return rows


def _of_row(row: Row, here: Observed, there: Observed, others: PassingOnes) -> Iterator[Difference]:
    """The differences of one pair of steps, in the order in which they happened."""
    one, other = row
    if one is None:
        assert other is not None
        key = there.keys[other]
        if others.always_ran(key):
            yield Difference(part="step", step=key[0], here=None, there=other, passing="ran")
        return
    key = here.keys[one]
    if other is None:
        if not others.ever_ran(key):
            yield Difference(part="step", step=key[0], here=one, there=None, failing="ran")
        return
    failing, passing = here.sections[key], there.sections[key]
    for spot in sorted({**failing, **passing}, key=_moment):
        _, request, part = spot
        for what, value, was in _differing(spot, failing.get(spot), passing.get(spot), others):
            if _only_as_many_as_it_took(part, value, was, failing, passing):
                continue
            yield Difference(
                part=part,
                step=key[0],
                here=one,
                there=other,
                request=request,
                what=what,
                failing=value,
                passing=was,
            )


def _differing(
    spot: Spot, failing: Section | None, passing: Section | None, others: PassingOnes
) -> Iterator[tuple[str, str | None, str | None]]:
    """(what, text of the failing one, text of the passing one) of what differs in one section."""
    if failing is not None and passing is not None and failing.raw == passing.raw:
        return
    _, _, part = spot
    values = part in VALUES
    if values and (failing is None or passing is None):
        return  # one of the two kept nothing of that part
    here, there = (section.texts if section is not None else {} for section in (failing, passing))
    missing: list[str] = []
    for what in {**here, **there}:
        value, was = here.get(what), there.get(what)
        if value == was or any(what.startswith((f"{whole}.", f"{whole}[")) for whole in missing):
            continue
        if values:
            if others.change(spot, what) or (part != "url" and _steady(failing, what) == _steady(passing, what)):
                continue
        elif (part == "check" and value is None) or (value is not None and others.show(spot, value)):
            continue
        if value is None or was is None:
            missing.append(what)
        yield what, value, was


def _steady(section: Section | None, what: str) -> str | None:
    return section.steady(what) if section is not None else None


def _only_as_many_as_it_took(
    part: Part,
    failing: str | None,
    passing: str | None,
    here: Mapping[Spot, Section],
    there: Mapping[Spot, Section],
) -> bool:
    """Whether it is only that one of the two sent more requests, such as polls, to end in the same way."""
    more = part == "requests" or (part == "status" and None in (failing, passing))
    return more and _outcome(here) == _outcome(there)


def _outcome(sections: Mapping[Spot, Section]) -> object:
    return next(section.raw for (_, _, part), section in sections.items() if part == "outcome")


def _moment(spot: Spot) -> tuple[int, int]:
    """The order of sections in a step: request by request, then what is of the step itself."""
    _, request, part = spot
    return request if request >= 0 else 1 << 30, _ORDER[part]
