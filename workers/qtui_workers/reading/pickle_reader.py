"""Reads pickles into a tree of plain nodes, and cannot execute anything.

`pickletools.genops` splits the bytes into opcodes, and a stack machine builds lists, dicts and texts from them. Nothing is
imported and nothing is called: a class is only its name, and a call becomes an `Instance`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

MAX_OPCODES: Final = 200_000
"""At most this many opcodes are read, which takes about a quarter of a second."""

_OLD_MODULES: Final = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Protocols 0 to 2 write the module names of Python 2."""


@dataclass(slots=True, eq=False)
class Name:
    """A class or function that the pickle names."""

    path: str


@dataclass(slots=True, eq=False)
class Pairs:
    """A dict, as a list of pairs: in a hostile pickle the keys may not be hashable."""

    items: list[tuple[Any, Any]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Members:
    """A set or frozenset."""

    items: list[Any] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Instance:
    """An object that only running code could rebuild: the name of the callable, its arguments, and the state added afterwards."""

    path: str
    args: Any = ()
    state: Any = None
    appended: list[Any] = field(default_factory=list)
    pairs: Pairs = field(default_factory=Pairs)


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of reading a pickle; `problem` says why it is incomplete."""

    value: Any
    problem: str | None = None
    cut: bool = False
    """Whether reading stopped because the pickle is too long."""


class _Mark:
    """Marks where a group of stack items begins."""


_MARK: Final = _Mark()


class _Damaged(Exception):
    """The opcodes do not fit together."""


class _Machine:
    """The stack and the memo; one method for each kind of opcode."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        item = self.stack.pop()
        if item is _MARK:
            raise _Damaged("a mark where a value belongs")
        return item

    def pop_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        raise _Damaged("a mark is missing")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def top(self) -> Any:
        if self.stack[-1] is _MARK:
            raise _Damaged("a mark where a value belongs")
        return self.stack[-1]

    def tuple_of(self, count: int) -> None:
        self.push(tuple([self.pop() for _ in range(count)][::-1]))

    def name(self, module: object, attribute: object) -> None:
        self.push(Name(f"{_OLD_MODULES.get(str(module), module)}.{attribute}"))

    def global_(self, argument: str) -> None:
        self.name(*argument.split(" ", 1))

    def stack_global(self) -> None:
        attribute, module = self.pop(), self.pop()
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise _Damaged("a class whose name is no text")
        self.name(module, attribute)

    def call(self, function: Any, args: Any, kwargs: Any = None) -> None:
        path = function.path if isinstance(function, Name) else "?"
        if path == "copyreg._reconstructor" and args and isinstance(args[0], Name):
            args, path = args[2:] if args[2:] != (None,) else (), args[0].path
        if not isinstance(function, Name):
            args = (function, args)
        self.push(Instance(path, args, kwargs or None))

    def reduce(self) -> None:
        args, function = self.pop(), self.pop()
        self.call(function, args)

    def newobj_ex(self) -> None:
        kwargs, args, function = self.pop(), self.pop(), self.pop()
        self.call(function, args, kwargs)

    def obj(self) -> None:
        function, *args = self.pop_mark()
        self.call(function, tuple(args))

    def inst(self, argument: str) -> None:
        args = tuple(self.pop_mark())
        self.global_(argument)
        self.call(self.pop(), args)

    def build(self) -> None:
        state, target = self.pop(), self.top()
        if isinstance(target, Instance):
            target.state = state

    def append(self, items: list[Any]) -> None:
        target = self.top()
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, Members):
            target.items.extend(items)
        elif isinstance(target, Instance):
            target.appended.extend(items)
        else:
            raise _Damaged("items for what holds none")

    def set_items(self, items: list[Any]) -> None:
        target = self.top()
        if isinstance(target, Instance):
            target = target.pairs
        if not isinstance(target, Pairs):
            raise _Damaged("keys for what has none")
        target.items.extend(_pairs(items))

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def persistent(self, identity: Any) -> None:
        self.push(Instance("persistent object", (identity,)))


def _pairs(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(items[::2], items[1::2], strict=True)


_Step = Callable[[_Machine, Any], object]

_STEPS: Final[dict[str, _Step]] = {
    "PROTO": lambda *_: None,
    "FRAME": lambda *_: None,
    "READONLY_BUFFER": lambda *_: None,
    "NEXT_BUFFER": lambda m, _: m.push(Instance("out-of-band buffer")),
    "MARK": lambda m, _: m.push(_MARK),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m.pop_mark(),
    "DUP": lambda m, _: m.push(m.top()),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "TUPLE": lambda m, _: m.push(tuple(m.pop_mark())),
    "TUPLE1": lambda m, _: m.tuple_of(1),
    "TUPLE2": lambda m, _: m.tuple_of(2),
    "TUPLE3": lambda m, _: m.tuple_of(3),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "LIST": lambda m, _: m.push(m.pop_mark()),
    "APPEND": lambda m, _: m.append([m.pop()]),
    "APPENDS": lambda m, _: m.append(m.pop_mark()),
    "EMPTY_DICT": lambda m, _: m.push(Pairs()),
    "DICT": lambda m, _: m.push(Pairs(list(_pairs(m.pop_mark())))),
    "SETITEM": lambda m, _: m.set_item(),
    "SETITEMS": lambda m, _: m.set_items(m.pop_mark()),
    "EMPTY_SET": lambda m, _: m.push(Members()),
    "ADDITEMS": lambda m, _: m.append(m.pop_mark()),
    "FROZENSET": lambda m, _: m.push(Members(m.pop_mark())),
    "MEMOIZE": lambda m, _: m.memo.__setitem__(len(m.memo), m.top()),
    **{n: lambda m, a: m.memo.__setitem__(a, m.top()) for n in ("PUT", "BINPUT", "LONG_BINPUT")},
    **{n: lambda m, a: m.push(m.memo[a]) for n in ("GET", "BINGET", "LONG_BINGET")},
    "GLOBAL": lambda m, a: m.global_(a),
    "STACK_GLOBAL": lambda m, _: m.stack_global(),
    "REDUCE": lambda m, _: m.reduce(),
    "NEWOBJ": lambda m, _: m.reduce(),
    "NEWOBJ_EX": lambda m, _: m.newobj_ex(),
    "OBJ": lambda m, _: m.obj(),
    "INST": lambda m, a: m.inst(a),
    "BUILD": lambda m, _: m.build(),
    "PERSID": lambda m, a: m.persistent(a),
    "BINPERSID": lambda m, _: m.persistent(m.pop()),
    **{n: lambda m, a: m.push(Name(f"extension {a}")) for n in ("EXT1", "EXT2", "EXT4")},
}
"""The step of each opcode; an opcode without one pushes its argument (numbers, texts, bytes)."""


def read(raw: bytes) -> Reading:
    """The value of a pickle of protocol 0 to 5 as a tree of plain nodes; damage is a `problem`, never an exception.

    A tree may share nodes and contain itself, so code that walks through it must limit the number of its steps.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
            if opcode.name == "STOP":
                return Reading(machine.pop())
            if count >= MAX_OPCODES:
                return Reading(_rest(machine), f"only the first {MAX_OPCODES:,} steps of the pickle were read", cut=True)
            step = _STEPS.get(opcode.name)
            if step is None:
                machine.push(argument)
            else:
                step(machine, argument)
    except (_Damaged, ValueError, LookupError, TypeError, OverflowError, DeprecationWarning) as error:
        # DeprecationWarning: where warnings are errors (`python -W error`), a text with an escape that Python does not know.
        reason = str(error).splitlines() or ["unreadable"]
        return Reading(_rest(machine), f"the pickle is damaged or cut: {reason[0][:100]}")
    return Reading(_rest(machine), "the pickle is damaged or cut: it has no end")


def _rest(machine: _Machine) -> Any:
    """The part that was built from a pickle that could not be read to its end."""
    items = [item for item in machine.stack if item is not _MARK]
    return items[0] if len(items) == 1 else items
