"""Every way by which text leaves the program is known: behind a redactor, or for text that is never the user's.

A new file that writes to a file, a stream, a socket or a log is one more way out: hand its text to
`RunDirectory.write`, to an `Observer` or to the journal instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support.source import FILES, PACKAGE, name_of, tree_of

OWN_PROGRAMS = ("demo/", "testing/")

WAYS_OUT = {
    "storage/directory.py": "every file of a run but records and bodies: all of it passes its redactor",
    "storage/copies.py": "bodies: redacted by BodyStore",
    "storage/merging.py": "records and bodies of shards, which their own runs redacted",
    "storage/writer.py": "records: made by the journal, which redacts",
    "storage/compressed.py": "records as they lie on the disk, which the journal redacted",
    "turbulence/undo.py": "the way back of faults: hidden by the redactor that it is given",
    "ci/github.py": "outputs and job summary, of a summary and of problems that were redacted",
    "ci/github_api.py": "the comment, which is the job summary",
    "ci/action.py": "workflow commands, of a summary and of problems that were redacted",
    "report/terminal.py": "a text in memory",
    "report/terminal_trace.py": "a text in memory",
    "terminal.py": "the observer of the command line: a job tells it through a RedactedObserver",
    "streams.py": "the standard streams themselves",
    "cli/main.py": "errors, which leave a job inside `without_secrets`",
    "cli/process.py": "that standard output could not be written",
    "cli/child.py": "messages between the processes of the command line, and how one ended",
    "__main__.py": "the name of a signal",
    "api.py": "the SUT that a caller gives as a mapping, to a temporary folder",
    "http/stream.py": "bytes to the SUT",
    "http/connection.py": "bytes to the SUT",
    "turbulence/proxy/caller.py": "bytes of a caller to the upstream of a proxy, as they came",
    "turbulence/proxy/upstream.py": "the same, after they waited for the connection",
    "turbulence/proxy/copies.py": "the same, once more",
    "engine/sut/output.py": "the output of the SUT: redacted line by line",
    "engine/sut/keeper.py": "to the coordinator: how the SUT ended, and lines of its output that were redacted",
    "engine/workers/messages.py": "messages between the processes of a run",
}
WRITES = {"write_text", "write_bytes"}
CALLS = {"os.write", "print", "typer.echo", "warnings.warn", "warn"}
LOGS = (
    "log.",
    "logger.",
    "_log.",
    "logging.info",
    "logging.warning",
    "logging.error",
    "logging.exception",
    "syslog.",
)


def writes_of(tree: ast.AST) -> Iterator[str]:
    """Every call that can bring text out of the process."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        name = called.rpartition(".")[2]
        words = [word.value for word in ast.walk(node) if isinstance(word, ast.Constant)]
        is_opening = name == "open" and any(
            isinstance(word, str) and len(word) <= 4 and set(word) & set("wxa+") and set(word) <= set("rwxabt+")
            for word in words
        )
        is_stream = name == "write" and any(part in called for part in ("std", "stream", "out", "commands"))
        if name in WRITES or is_opening or is_stream or called in CALLS or called.startswith(LOGS):
            yield ast.unparse(node)[:60]


def test_a_file_that_lets_text_out_is_in_the_table() -> None:
    found = {
        f"{name_of(path)}: {write}"
        for path in FILES
        if not name_of(path).startswith(OWN_PROGRAMS) and name_of(path) not in WAYS_OUT
        for write in writes_of(tree_of(path))
        if "__version__" not in write
    }

    assert found == set()


@pytest.mark.parametrize(
    "code",
    [
        "Path(p).write_text(t)",
        "open(p, 'w')",
        "file.open('ab')",
        "os.write(1, b)",
        "print(t)",
        "sys.stderr.write(t)",
        "logger.info(t)",
        "logging.error(t)",
        "warnings.warn(t)",
    ],
)
def test_such_a_file_is_found(code: str) -> None:
    assert list(writes_of(ast.parse(code)))


def test_every_entry_of_the_table_is_a_file() -> None:
    assert [name for name in WAYS_OUT if not (PACKAGE / name).is_file()] == []


def test_a_job_hands_its_observer_on_behind_a_redactor() -> None:
    """In the module that runs a job, an observer is told something only after it was wrapped."""
    tree = ast.parse((PACKAGE / "job" / "run.py").read_text())
    (run,) = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "_run")
    wrapped = [n.lineno for n in ast.walk(run) if isinstance(n, ast.Call) and "RedactedObserver" in ast.unparse(n)]
    told = [
        node.lineno
        for node in ast.walk(run)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(
            ("observer.note", "observer.say", "observer.debug", "observer.warning")
        )
    ]

    assert wrapped
    assert all(line > min(wrapped) for line in told)
