"""One request on its way through a proxy, or one connection: what is known of it, and its record."""

from __future__ import annotations

from windtunnel.model.record import ProxiedRecord


class Exchange:
    """Mutable, owned by the connection of the caller. `began` is a reading of the clock; sizes are bytes.

    `attempt` counts within the logical request and `occurrence` all with the same id, method and target, from 1; 0
    where there is no id. `status` is what the caller was sent and `upstream_status` what the upstream answered, 0
    for nothing.
    """

    __slots__ = (
        "attempt",
        "began",
        "correlation_id",
        "down",
        "error",
        "faults",
        "in_flight",
        "method",
        "occurrence",
        "path",
        "since_s",
        "status",
        "up",
        "upstream_status",
    )

    def __init__(
        self,
        *,
        began: float,
        in_flight: int,
        method: str = "",
        path: str = "",
        correlation_id: str = "",
        attempt: int = 0,
        occurrence: int = 0,
        since_s: float = 0.0,
    ) -> None:
        self.began, self.in_flight = began, in_flight
        self.method, self.path, self.correlation_id = method, path, correlation_id
        self.attempt, self.occurrence, self.since_s = attempt, occurrence, since_s
        self.status = self.upstream_status = self.up = self.down = 0
        self.error = ""
        self.faults: list[str] = []

    def record(self, proxy: str, *, now: float, unix: float) -> ProxiedRecord:
        """What came of it by now."""
        return ProxiedRecord(
            t=unix,
            proxy=proxy,
            correlation_id=self.correlation_id,
            method=self.method,
            path=self.path,
            status=self.status,
            upstream_status=self.upstream_status,
            error=self.error,
            duration_us=max(0, int((now - self.began) * 1e6)),
            attempt=self.attempt,
            since_us=max(0, int(self.since_s * 1e6)),
            in_flight=self.in_flight,
            bytes_up=self.up,
            bytes_down=self.down,
            faults=self.faults,
        )
