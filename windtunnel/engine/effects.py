"""What answers say was done, put on record for the count of duplicate and lost effects.

duplicates   each answer to a request with an idempotency key ─▶ key, and what a successful one says of it
lost         a step that was told something is done, then one that looks for it ─▶ acknowledged, found

Answers are seen before a fault on our own requests can change them: an answer that is thrown away on purpose was
given all the same. Where a step acknowledges several times before it is looked for, the last time counts.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from windtunnel.engine.ids import InstanceIds
from windtunnel.errors import ExpressionError, UnreadableBodyError
from windtunnel.expressions.jsonpath import JsonPath, compile_jsonpath
from windtunnel.interfaces import Client, Clock, Request
from windtunnel.model.http import Exchange
from windtunnel.model.record import EffectRecord, InstanceRecord, Record, StepRecord
from windtunnel.model.turbulence import JudgeSettings, LossLimit
from windtunnel.model.vocabulary import EffectKind

_TELLS_BELOW = 500
"""An answer of this status and above says nothing about what was done, or what is there."""


class EffectWatcher:
    """Watches the answers of one process. `write` takes the records; `run_id` keys the hashes in them."""

    def __init__(
        self, settings: JudgeSettings, *, run_id: str, clock: Clock, write: Callable[[Record], None]
    ) -> None:
        self._clock, self._write = clock, write
        self._key = blake2b(run_id.encode(), digest_size=16).digest()
        limit = settings.duplicates
        self.by = limit.by.lower() if limit is not None else ""
        self._same = compile_jsonpath(limit.same) if limit is not None and limit.same else None
        self._lost = settings.lost
        self._told: dict[str, int] = {}
        self._sought: set[str] = set()

    @classmethod
    def of(
        cls, settings: JudgeSettings, *, run_id: str, clock: Clock, write: Callable[[Record], None]
    ) -> EffectWatcher | None:
        """The watcher of what is judged; None where no effect is."""
        if settings.duplicates is None and settings.lost is None:
            return None
        return cls(settings, run_id=run_id, clock=clock, write=write)

    def around(self, client: Client, instance_id: str) -> Client:
        """A client whose answers are watched, if they can be of interest."""
        return _WatchedClient(client, self, instance_id) if self.by else client

    def answered(self, request: Request, exchange: Exchange, instance_id: str) -> None:
        """An answer to an idempotency key came: note that, and what it says if it is a successful one."""
        if exchange.error is not None or exchange.status >= _TELLS_BELOW:
            return
        key = next((value for name, value in request.headers if name.lower() == self.by), None)
        if key is not None:
            said = _said(exchange, self._same) if 200 <= exchange.status < 300 else b""
            self._tell("answered", key, said, instance_id, request.step)

    def on_record(self, ids: InstanceIds, record: Record) -> None:
        """A step ended: note what was acknowledged, and whether it was found."""
        lost = self._lost
        if lost is None:
            return
        if type(record) is StepRecord:
            self._step(record, lost)
        elif type(record) is InstanceRecord:
            self._told.pop(ids.instance_id, None)
            self._sought.discard(ids.instance_id)

    def _step(self, record: StepRecord, lost: LossLimit) -> None:
        instance = record.instance_id
        if record.step == lost.acknowledged and record.outcome == "passed":
            self._told[instance] = self._told.get(instance, 0) + 1
            self._sought.add(instance)
        elif record.step == lost.found_by and instance in self._sought and _tells(record):
            self._sought.discard(instance)
            key = f"{instance}/{self._told[instance]}"
            self._tell("acknowledged", key, b"", instance, lost.acknowledged)
            if record.outcome == "passed":
                self._tell("found", key, b"", instance, record.step)

    def _tell(self, kind: EffectKind, key: str, said: bytes, instance_id: str, step: str) -> None:
        self._write(
            EffectRecord(
                t=self._clock.unix(),
                kind=kind,
                key=self._hash(key.encode("utf-8", "surrogateescape")),
                value=self._hash(said) if said else "",
                instance_id=instance_id,
                step=step,
            )
        )

    def _hash(self, data: bytes) -> str:
        return blake2b(data, key=self._key, digest_size=8).hexdigest()


def _tells(record: StepRecord) -> bool:
    """Whether a step that looked for something says if it is there: it was answered, and not by a failure."""
    if record.outcome == "passed":
        return True
    request = record.request
    answered = request is not None and request.error is None and request.fault is None
    return record.outcome == "failed" and answered and request is not None and request.status < _TELLS_BELOW


def _said(exchange: Exchange, same: JsonPath | None) -> bytes:
    """What an answer says of its key: at the JSON path, or as a whole; nothing where nothing is there."""
    if same is None:
        return exchange.body
    try:
        there = same.find(exchange.json)
        return msgspec.json.encode(there, order="sorted") if there else b""
    except (ValueError, ExpressionError, UnreadableBodyError):
        return exchange.body  # no JSON: all of it is compared


class _WatchedClient:
    """The client of one instance, whose answers a watcher sees."""

    __slots__ = ("_client", "_instance_id", "_watcher")

    def __init__(self, client: Client, watcher: EffectWatcher, instance_id: str) -> None:
        self._client, self._watcher, self._instance_id = client, watcher, instance_id

    async def send(self, request: Request) -> Exchange:
        """Send a request, and show its answer to the watcher."""
        exchange = await self._client.send(request)
        self._watcher.answered(request, exchange, self._instance_id)
        return exchange

    def begin_instance(self, *, instance_id: str, correlation_id: str, cookies: object | None = None) -> None:
        """Pass the call on."""
        self._client.begin_instance(instance_id=instance_id, correlation_id=correlation_id, cookies=cookies)

    @property
    def cookies(self) -> object:
        """The cookies of the instance."""
        return self._client.cookies

    def close(self) -> None:
        """Pass the call on."""
        self._client.close()
