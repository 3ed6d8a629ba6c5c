"""Crowd of concurrent clients at either door."""

import itertools
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.support.doors import Answer, Door
from tests.support.operations import OPERATIONS

CLIENTS = 32


@dataclass(frozen=True)
class Call:
    """Call of a user."""

    actor: uuid.UUID
    operation: str
    args: dict[str, Any] = field(default_factory=dict)


def call(actor: uuid.UUID, operation: str, **args: Any) -> Call:
    return Call(actor, operation, args)


Habit = Callable[[random.Random], Call]


class Crowd:
    """Up to 32 clients, each with its own connection.

    A refusal of the rulebook is an answer. Any other error fails the test, for example a deadlock
    or a 500.
    """

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = doors
        self._threads = ThreadPoolExecutor(len(doors))

    def close(self) -> None:
        self._threads.shutdown()

    def do(self, actor: uuid.UUID, operation: str, **args: Any) -> Any:
        """Makes a call and asserts its success. Returns the body of the answer."""
        answer = self._make(self._doors[0], call(actor, operation, **args))
        assert answer.code is None, answer
        return answer.body

    def at_once(self, calls: Sequence[Call]) -> list[Answer]:
        """Makes all calls concurrently. Returns their answers in the order of the calls."""
        start = threading.Barrier(len(calls))

        def run(door: Door, each: Call) -> Answer:
            start.wait()
            return self._make(door, each)

        return list(self._threads.map(run, self._doors, calls))

    def for_a_while(self, seconds: float, habits: Sequence[Habit]) -> list[tuple[Call, Answer]]:
        """Lets each client repeat its habit for a time. Returns all calls and answers."""
        end = time.monotonic() + seconds

        def repeat(number: int, door: Door, habit: Habit) -> list[tuple[Call, Answer]]:
            chance = random.Random(number)
            made = []
            while time.monotonic() < end:
                each = habit(chance)
                made.append((each, self._make(door, each)))
            return made

        runs = self._threads.map(repeat, itertools.count(), self._doors, habits)
        return [pair for made in runs for pair in made]

    def _make(self, door: Door, each: Call) -> Answer:
        answer = door.call(each.actor, OPERATIONS[each.operation], each.args)
        assert answer.status < 500, (each, answer)
        return answer


def new_users(count: int) -> list[uuid.UUID]:
    return [uuid.uuid4() for _ in range(count)]


def tally(answers: Sequence[Answer]) -> dict[int | str, int]:
    """Returns the number of answers by error code, or by status without an error."""
    names: list[int | str] = [answer.code or answer.status for answer in answers]
    return {name: names.count(name) for name in names}
