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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from windtunnel.figures import plural
from windtunnel.report.model import Story
from windtunnel.report.observed import VALUES, Key, Observed, Part, Place, Value, observe

MOST_CAUSES = 8
"""Maximum number of differing values that are told of one pair."""

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
    """What the passing instances of one scenario show, to tell a difference from what always differs."""

    def __init__(self, stories: Iterable[Story] = ()) -> None:
        self._seen: dict[Place, set[str]] = {}
        self._changing: set[Place] = set()
        self._ran: Counter[Key] = Counter()
        self._count = 0
        for story in stories:
            self.add(observe(story))

    def add(self, observed: Observed) -> None:
        """Take note of one more passing instance."""
        self._count += 1
        self._ran.update(observed.keys)
        for values in observed.values.values():
            for place, value in values.items():
                seen = self._seen.setdefault(place, set())
                if value.same not in seen:
                    seen.add(value.same)
                    if len(seen) > 1:
                        self._changing.add(place.anywhere())

    def always_ran(self, key: Key) -> bool:
        """Whether every one ran that step."""
        return self._ran[key] == self._count

    def ever_ran(self, key: Key) -> bool:
        """Whether any one ran that step."""
        return self._ran[key] > 0

    def counts(self, place: Place, failing: Value | None) -> bool:
        """Whether what a failing instance shows at a place is a difference."""
        if place.part in VALUES:
            return place.anywhere() not in self._changing
        return failing is None or failing.same not in self._seen.get(place, ())


def compare(failing: Story, passing: Story, others: PassingOnes | None = None) -> Comparison:
    """Put a failing instance beside a passing one. `others`: the passing ones of the scenario, that one too."""
    here, there = observe(failing), observe(passing)
    if others is None:
        others = PassingOnes()
        others.add(there)
    rows = _rows(here.keys, there.keys)
    before: list[Difference] = []
    first: Difference | None = None
    for difference in (found for row in rows for found in _of_row(row, here, there, others)):
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


def nearest_passing(stories: Sequence[Story]) -> dict[str, str]:
    """Which passing instance stands beside each failing one: the nearest of its scenario, with bodies if any."""
    passing: dict[str, list[tuple[bool, Story]]] = {}
    for story in stories:
        if story.outcome == "passed":
            bare = not any(request.response_body for step in story.steps for request in step.requests)
            passing.setdefault(story.scenario, []).append((bare, story))
    found: dict[str, str] = {}
    for story in stories:
        candidates = passing.get(story.scenario)
        if candidates and story.outcome in {"failed", "errored"}:
            began = story.began_s
            _, nearest = min(candidates, key=lambda each: (each[0], abs(each[1].began_s - began)))
            found[story.instance_id] = nearest.instance_id
    return found


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
    for place, value, was in _differing(here.values[key], there.values[key], others):
        yield Difference(
            part=place.part,
            step=key[0],
            here=one,
            there=other,
            request=place.request,
            what=place.what,
            failing=value and value.text,
            passing=was and was.text,
        )


def _differing(
    failing: Mapping[Place, Value], passing: Mapping[Place, Value], others: PassingOnes
) -> Iterator[tuple[Place, Value | None, Value | None]]:
    kept = [{place[1:3] for place in side} for side in (failing, passing)]
    key = next(iter(failing)).key
    ended_alike = failing[Place(key, -1, "outcome")] == passing[Place(key, -1, "outcome")]
    missing: list[Place] = []
    for place in sorted({**failing, **passing}, key=_moment):
        value, was = failing.get(place), passing.get(place)
        if (value and value.same) == (was and was.same) or not others.counts(place, value):
            continue
        in_both = all(place[1:3] in side for side in kept)
        if place.part in VALUES and not in_both:
            continue  # one of the two kept nothing of that part
        if ended_alike and (place.part == "requests" or (place.part == "status" and not in_both)):
            continue  # as many polls as it took
        if (place.part == "check" and value is None) or any(place.inside(whole) for whole in missing):
            continue
        if value is None or was is None:
            missing.append(place)
        yield place, value, was


def _moment(place: Place) -> tuple[int, int]:
    """The order of places in a step: request by request, then what is of the step itself."""
    return place.request if place.request >= 0 else 1 << 30, _ORDER[place.part]
