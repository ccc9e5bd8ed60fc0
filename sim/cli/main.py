"""The application: mounts the verbs, turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from signal import SIGINT
from typing import Annotated

import typer

from sim.cli import (
    calibrate,
    catalog,
    compare,
    dcim,
    economics,
    headroom,
    init,
    plan,
    run,
    runs,
    sensitivity,
    show,
    slices,
    sweep,
    traces,
)
from sim.cli.exits import INTERNAL, INVALID, LIMIT, OK, USAGE, interrupted
from sim.cli.group import Interrupted, Verbs
from sim.cli.signals import interruptible
from sim.errors import (
    EnvironmentLimitError,
    InfeasibleError,
    InputError,
    ModelLimitError,
    Problem,
)
from sim.reasons import system_reason

app = typer.Typer(
    cls=Verbs,
    name="loadbank",
    help="Discrete-event capacity simulator for AI-inference data centres.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

app.command("init")(init.init)
app.command("run")(run.run)
app.command("report")(runs.report)
app.command("ls")(runs.ls)
app.command("validate")(show.validate)
app.command("show")(show.show)
app.command("schema")(show.schema)
app.command("catalog")(catalog.catalog)
app.add_typer(traces.app, name="traces")
app.command("calibrate")(calibrate.calibrate)
app.add_typer(dcim.app, name="dcim")
app.command("slices")(slices.slices)
app.command("sweep")(sweep.sweep)
app.command("compare")(compare.compare)
app.command("plan")(plan.plan)
app.command("headroom")(headroom.headroom)
app.command("economics")(economics.economics)
app.command("sensitivity")(sensitivity.sensitivity)

# What typer raises at wrong usage: click's class, of which newer versions have a copy of their own.
_UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]

# What would have been right where the operating system refuses a file or folder.
_WANTED: Mapping[type[OSError], str] = {
    FileExistsError: "a name that is free",
    FileNotFoundError: "a path that exists",
    IsADirectoryError: "a file",
    NotADirectoryError: "a folder",
    PermissionError: "one that may be read or written",
}


def _version(wanted: bool) -> None:
    if wanted:
        from sim.provenance import version as installed

        typer.echo(f"loadbank {installed('loadbank') or '(not installed)'}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Discrete-event capacity simulator for AI-inference data centres."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Exit codes: 0 ok; 1 an SLA assertion failed; 2 usage; 3 invalid input; 4 a model limit was
    reached; 5 internal error; 130 interrupted (143 by SIGTERM, 129 by SIGHUP).
    """
    sys.exit(_guarded(arguments))


def _guarded(arguments: list[str] | None) -> int:
    try:
        with interruptible():
            code = app(args=arguments, standalone_mode=False)
    except typer.Exit as leave:
        return leave.exit_code
    except SystemExit:
        return OK  # how typer and rich leave when the reader of our output (head, less) went away
    except (KeyboardInterrupt, Exception) as error:
        return _told(error)
    return code if isinstance(code, int) else OK


def _told(error: BaseException) -> int:
    """Say on standard error what went wrong, and return the exit code."""
    match error:
        case _UsageError():
            error.show()
            return USAGE
        case Interrupted() | KeyboardInterrupt() | typer.Abort():
            typer.echo("interrupted", err=True)
            return interrupted(getattr(error, "number", SIGINT))
        case InputError():
            for problem in error.problems:
                typer.echo(f"error: {problem}", err=True)
            if len(error.problems) > 1:
                typer.echo(f"{len(error.problems)} errors", err=True)
            return INVALID
        case ModelLimitError() | InfeasibleError() | EnvironmentLimitError():
            typer.echo(f"error: {error}", err=True)
            return LIMIT
        case BrokenPipeError():  # the same from a plain print
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OK
        case OSError() if error.errno is not None:
            got = system_reason(error)
            expected = _WANTED.get(type(error), "a file or folder that can be used")
            problem = Problem("", got, expected, str(error.filename or ""))
            typer.echo(f"error: {problem}", err=True)
            return INVALID
    if os.environ.get("LOADBANK_DEBUG"):
        raise error
    typer.echo(f"internal error: {type(error).__name__}: {error}", err=True)
    typer.echo("This is a bug. LOADBANK_DEBUG=1 shows where; please report it.", err=True)
    return INTERNAL
