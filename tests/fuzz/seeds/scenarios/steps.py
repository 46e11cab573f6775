from typing import Any


def sign(context: Any, text: str, n: int) -> None:
    context.variables["signature"] = text * n
