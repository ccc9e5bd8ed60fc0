"""The command ``loadbank``: one module per verb, errors and exit codes in one place."""

from sim.cli.main import main

__all__ = ["main"]
