"""The `echo` step: sends a line to a TCP server and expects it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from windtunnel.extending import (
    Action,
    Checks,
    CompileContext,
    ExpressionError,
    FailedCheck,
    Instance,
    Step,
    StepOutcome,
    errored,
    show,
)


class EchoAction:
    """A compiled `echo` step."""

    type = "echo"
    keys = ("host", "port", "text", "timeout")
    schema: Mapping[str, Any] = {
        "required": ["host", "port", "text"],
        "properties": {
            "host": {"type": "string", "description": "The server."},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "Its port."},
            "text": {"type": "string", "description": "What is sent; templates are rendered."},
        },
    }

    def __init__(
        self, name: str, address: tuple[str, int], text: Callable[[Mapping[str, Any]], str], timeout_s: float
    ) -> None:
        self.name, self._address, self._text, self._timeout_s = name, address, text, timeout_s

    @classmethod
    def compile(cls, step: Step, context: CompileContext) -> Action | None:
        """Compile a step before the load starts; problems are noted with their places."""
        field, options = context.at(step), step.options
        text = (field / "text").text(options["text"])
        timeout_s = (field / "timeout").deadline(options.get("timeout"), 5.0)
        return cls(step.name, (options["host"], options["port"]), text.evaluate, timeout_s)

    async def run(self, instance: Instance) -> StepOutcome:
        """Send the text once. A failure of the server is an outcome, not an exception."""
        try:
            text = self._text(instance.scope)
        except ExpressionError as error:
            return errored(error)
        try:
            answer = await asyncio.wait_for(self._ask(text), self._timeout_s)
        except (OSError, asyncio.TimeoutError) as error:
            kind = "timeout" if isinstance(error, asyncio.TimeoutError) else "refused"
            return StepOutcome(outcome="failed", error=kind, message=f"{kind}: {error}")
        if answer == text:
            return StepOutcome(checks=["echo"])
        checks: Checks = [FailedCheck(name="echo", expected=show(text), actual=show(answer))]
        return StepOutcome(outcome="failed", error="check", message="echo does not hold", checks=checks)

    async def _ask(self, text: str) -> str:
        reader, writer = await asyncio.open_connection(*self._address)
        try:
            writer.write(text.encode() + b"\n")
            return (await reader.readline()).decode("utf-8", "replace").rstrip("\n")
        finally:
            writer.close()
