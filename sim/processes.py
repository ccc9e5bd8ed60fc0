"""Users' own SimPy processes in a run: started on its clock, watched, and told apart by name."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from inspect import isgenerator
from typing import Any, Protocol

import simpy

from sim.errors import LoadbankError, ModelLimitError, PolicyError
from sim.run_control import RunControl
from sim.world import World

STALLED_EVENTS = 100_000  # of processes alone, while requests wait that nothing serves


class Process(Protocol):
    """A generator function: it gets the control of its run and yields events of its clock."""

    def __call__(self, control: RunControl, /) -> Generator[simpy.Event, Any, object]:
        """Return the generator."""
        ...


def name_of(process: Process) -> str:
    """Return the name under which messages and results speak of a process."""
    return str(getattr(process, "__qualname__", None) or type(process).__qualname__)


def start_processes(world: World, processes: Sequence[Process]) -> None:
    """Start processes on the clock of a world that is about to run, in their order.

    They do not keep the run going: it ends when its arrivals are over and no request is left.

    Args:
        world: the world.
        processes: what to start.

    Raises:
        PolicyError: one of them is not a generator function.
    """
    if not processes:
        return
    world.process_names = tuple(name_of(process) for process in processes)
    for name, process in zip(world.process_names, processes, strict=True):
        generator = process(RunControl(world, world.recorded))
        if not isgenerator(generator):
            raise PolicyError(
                f"process {name}: got {type(generator).__name__}, expected a generator: "
                f"a function of one argument with a yield, as in 'yield control.env.timeout(60.0)'"
            )
        world.clock.process(_watched(name, generator, world))
    world.clock.prolonged = _Prolonged(world)


def _watched(
    name: str, generator: Generator[Any, Any, object], world: World
) -> Generator[simpy.Event, Any, None]:
    """Pass a process's events on; what goes wrong in it is told with its name and the time."""
    resume, given = generator.send, None
    while True:
        try:
            event = resume(given)
        except StopIteration:
            return
        except LoadbankError as error:
            raise PolicyError(f"process {name}, at {world.clock.now:g} s: {error}") from error
        except Exception as error:
            raise PolicyError(
                f"process {name} failed at {world.clock.now:g} s: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(event, simpy.Event):
            raise PolicyError(
                f"process {name}, at {world.clock.now:g} s: it yielded {event!r}, expected an "
                f"event such as control.env.timeout(60.0)"
            )
        try:
            given = yield event
            resume = generator.send
        except Exception as thrown:  # an interrupt by another process, a failed event
            given, resume = thrown, generator.throw


class _Prolonged:
    """Says whether a run goes on when nothing but processes and looks is left to happen.

    Args:
        world: the run.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen, self._idle = -1, 0

    def __call__(self, when_s: float) -> bool:
        """Return whether there is a reason to go on to an event at ``when_s`` [s].

        Raises:
            ModelLimitError: processes act for ever while requests wait that nothing serves.
        """
        world = self._world
        if when_s <= world.arrivals_end_s < float("inf"):
            return True
        if not world.running():
            return False
        ended = world.recorder.count
        self._idle = self._idle + 1 if ended == self._seen else 0
        self._seen = ended
        if self._idle > STALLED_EVENTS:
            raise ModelLimitError(
                f"at {world.clock.now:g} s {world.source.emitted - ended} requests wait and "
                f"nothing serves them: only the processes {', '.join(world.process_names)} act, "
                f"and none of them brings a replica back"
            )
        return True
