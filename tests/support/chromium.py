"""A headless Chromium, driven over its DevTools pipe: no driver, no port, nothing but the browser itself."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
PATIENCE_S = 30.0


def executable() -> str | None:
    """The Chromium of this machine, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def until(condition: str) -> str:
    """JavaScript that waits, picture by picture, until a condition holds; at most ten seconds."""
    return (
        "new Promise((done, failed) => { const end = Date.now() + 10000; const look = () => { "
        f"if ({condition}) done(true); else if (Date.now() > end) failed(new Error({condition!r})); "
        "else requestAnimationFrame(look); }; look(); })"
    )


class Tab:
    """One page. `errors` are what the console complained of, `requests` every URL that was asked for."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.loaded = 0

    def watch(self) -> None:
        """Begin to take note of what the page does."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a DevTools method and return its result."""
        return self._browser.call(method, self._session, **parameters)

    def open(self, url: str) -> None:
        """Load a page and wait until it is there."""
        before = self.loaded
        self.call("Page.navigate", url=url)
        self._browser.wait_for(lambda: self.loaded > before)

    def open_report(self, url: str) -> None:
        """Load a report and wait until its script has drawn everything."""
        self.open(url)
        look = "const look = () => document.documentElement.dataset.ready ? done() : setTimeout(look, 5); look()"
        self.value(f"new Promise(done => {{ {look} }})")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page a viewport of this size in CSS pixels."""
        mobile = width < 500
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile
        )

    def prefer(self, scheme: str) -> None:
        """Make the reader prefer `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key: str, code: int = 0, *, text: str = "") -> None:
        """Press and release a key, such as `Enter`, with its number on the keyboard."""
        codes = {
            "Enter": 13,
            "Escape": 27,
            "Tab": 9,
            "ArrowUp": 38,
            "ArrowDown": 40,
            "ArrowLeft": 37,
            "ArrowRight": 39,
        }
        number = code or codes.get(key, 0)
        given = text or {"Enter": "\r"}.get(key, "")
        down = {"type": "keyDown", "text": given} if given else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **down, key=key, code=key, windowsVirtualKeyCode=number)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=number)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def happened(self, method: str, parameters: dict[str, Any]) -> None:
        """Take note of an event."""
        if method == "Page.loadEventFired":
            self.loaded += 1
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in {"error", "warning"}:
            self.errors.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(str(parameters["args"]))
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"]))


class Browser:
    """The process and its pipe."""

    def __init__(self, profile: Path) -> None:
        program = executable()
        assert program is not None
        self._numbers = itertools.count(1)
        self._tabs: dict[str, Tab] = {}
        self._received = b""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        # DevTools speaks on the descriptors 3 and 4: these are moved out of their way first.
        high_in = fcntl.fcntl(theirs_in, fcntl.F_DUPFD, 50)
        high_out = fcntl.fcntl(theirs_out, fcntl.F_DUPFD, 50)

        def place() -> None:
            os.dup2(high_in, 3)
            os.dup2(high_out, 4)

        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for descriptor in (theirs_in, theirs_out, high_in, high_out):
            os.close(descriptor)

    @contextlib.contextmanager
    def tab(self) -> Iterator[Tab]:
        """A new page, closed at the end."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        tab.watch()
        yield tab
        self.call("Target.closeTarget", targetId=target)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Call a DevTools method and return its result."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def wait_for(self, condition: Any) -> None:
        """Take in events until the condition holds."""
        while not condition():
            self._next()

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            os.write(self._out, b'{"id": 0, "method": "Browser.close"}\0')
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def _next(self) -> dict[str, Any]:
        """The next message; an event is handed to its page on the way."""
        deadline = time.monotonic() + PATIENCE_S
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._in, 1 << 20) if ready else b""
            assert chunk, "Chromium does not answer"
            self._received += chunk
        raw, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        tab = self._tabs.get(message.get("sessionId", ""))
        if tab is not None and "method" in message:
            tab.happened(message["method"], message["params"])
        return message


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium with a profile of its own, ended at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        started = Browser(Path(profile))
        try:
            yield started
        finally:
            started.close()
