"""The `windtunnel` command: its sub-commands, and the exit codes of errors."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import windtunnel
from windtunnel.cli import action, compare, demo, merge, report, run, trace, turbulence, validate, verify
from windtunnel.cli.options import GroupedCommand
from windtunnel.errors import BugError, ConfigError, EvidenceError, UnreachableError, visible
from windtunnel.job.interrupts import Interrupted
from windtunnel.model.verdict import EXIT_CODES, code_of_signal
from windtunnel.model.vocabulary import VerdictWord
from windtunnel.processes import LostProcessError

_COMPLETIONS_WANTED = "_WINDTUNNEL_COMPLETE"
"""The variable with which the script of a shell asks what could come next."""


class _Commands(TyperGroup):
    """The sub-commands. Typer makes one exit code, and no word, of every interrupt: they are told here."""

    def make_context(self, info_name: Any, args: list[str], *more: Any, **kwargs: Any) -> Any:
        """Read the command line."""
        with _interrupts_told():
            if not args or (args[0].startswith("-") and args != ["--version"]):
                args = self._with_completion(args)
            return super().make_context(info_name, args, *more, **kwargs)

    def _with_completion(self, args: list[str]) -> list[str]:
        """The command line with a shell for completion. Its options are made here, so no sub-command waits."""
        from windtunnel.cli import completion

        known = {parameter.name for parameter in self.params}
        self.params.extend(option for option in completion.options() if option.name not in known)
        return completion.with_shell(args)

    def invoke(self, ctx: Any) -> Any:
        """Run the sub-command. It ends with `typer.Exit`: anything else that would end the process is not ours."""
        with _interrupts_told():
            try:
                return super().invoke(ctx)
            except SystemExit as error:
                raise LostProcessError.by(error) from None


@contextlib.contextmanager
def _interrupts_told() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as stopped:
        number = stopped.number if isinstance(stopped, Interrupted) else signal.SIGINT
        sys.stderr.write(f"interrupted by {signal.Signals(number).name}\n")
        raise typer.Exit(code_of_signal(number)) from None


app = typer.Typer(
    name="windtunnel",
    cls=_Commands,
    help="Run realistic user journeys against a service and answer with one honest pass or fail.",
    epilog="Start with: windtunnel demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

app.command("run", help=run.HELP, cls=GroupedCommand)(run.run)
app.command("validate")(validate.validate)
app.command("report")(report.report)
app.command("trace", cls=trace.TraceCommand)(trace.trace)
app.command("verify")(verify.verify)
app.command("compare")(compare.compare)
app.command("merge")(merge.merge)
app.command("demo")(demo.demo)
app.add_typer(turbulence.app)
app.command("action", help=action.HELP)(action.command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"windtunnel {windtunnel.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line and exit with the code of the verdict or of the error."""
    try:
        Path.cwd()
    except OSError:
        _fail("invalid", "the working directory is not there any more", "change to a folder: cd .")
    try:
        if os.environ.get(_COMPLETIONS_WANTED):
            from windtunnel.cli import completion

            completion.answer_shells()
        with _interrupts_told():
            app(prog_name="windtunnel")
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except ConfigError as error:
        _fail("invalid", str(_helped(error)))
    except UnreachableError as error:
        _fail("unreachable", str(error), error.hint)
    except EvidenceError as error:
        _fail("incomplete", str(error), error.hint)
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            _fail_for_bug(traceback.format_exc())
        _fail(
            "invalid", f"this process can't open another file: {error.strerror}", "raise the limit: ulimit -n 1024"
        )
    except MemoryError:
        _fail("error", "this process has no memory left", "give it more, or use fewer users and smaller files")
    except BugError as error:
        _fail_for_bug(str(error))
    except Exception:  # noqa: BLE001  the edge of the program: a bug is shown and has an exit code of its own
        _fail_for_bug(traceback.format_exc())


def _helped(error: ConfigError) -> ConfigError:
    """The error with the help that holds where this command runs."""
    if not any(problem.lacks for problem in error.problems):
        return error
    from windtunnel.job.machine import container_network
    from windtunnel.job.surroundings import Surroundings

    where = Surroundings.of(
        os.environ, in_container=container_network().in_container, argv=sys.argv[1:], folder=Path.cwd()
    )
    return ConfigError(where.cured_all(error.problems))


def _fail_for_bug(told: str) -> NoReturn:
    _fail(
        "error",
        told.rstrip(),
        "this is a bug in windtunnel; please report it with the text above: "
        "https://github.com/windtunnel/action/issues",
    )


def _fail(verdict: VerdictWord, message: str, hint: str | None = None) -> NoReturn:
    sys.stderr.write(f"{visible(message)}\n")
    if hint:
        sys.stderr.write(f"  help: {visible(hint)}\n")
    sys.exit(EXIT_CODES[verdict])
