"""Which processors there are: the bundled ones, and those of the modules named in QTUI_PROCESSORS."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Annotated, Any, Final

from qtui_workers.define.declared_limits import declared_limits
from qtui_workers.define.decorator import Processor
from qtui_workers.errors import InvalidInput, NotFound
from qtui_workers.records import Read
from qtui_workers.reporting.worker_logs import keep_logging
from qtui_workers.settings import Settings
from qtui_workers.text import printable

BUNDLED: Final = "qtui_workers.processors"

AnyProcessor = Processor[Any, Any]


def _split(names: str) -> tuple[str, ...]:
    return tuple(name for part in names.split(",") if (name := part.strip()))


class ProcessorSettings(Settings):
    """Where processors are found, besides the bundled ones."""

    qtui_processors: Annotated[tuple[str, ...], Read(_split)] = ()
    """Modules or packages in which further processors live, separated by commas."""


@dataclass(frozen=True, slots=True)
class FoundProcessors:
    """The processors by name, in order of their names, and the modules that could not be imported."""

    processors: MappingProxyType[str, AnyProcessor]
    by_path: MappingProxyType[str, AnyProcessor]
    """The same processors by the dotted name by which RQ imports them."""
    broken: MappingProxyType[str, str]
    """For each module that could not be imported, the reason."""


def get(name: str) -> AnyProcessor:
    """The processor of that name; raises NotFound, with similar names, where there is none."""
    if (bundled := _bundled(name)) is not None:
        return bundled
    found = discover()
    if name in found.processors:
        return found.processors[name]
    import difflib  # only where a name is wrong

    near = difflib.get_close_matches(name, found.processors, n=3, cutoff=0.5)
    names = ", ".join(near or found.processors)
    hint = f"did you mean {' or '.join(near)}?" if near else f"the processors are {names or 'none'}"
    unread = "".join(f"; {module} could not be imported: {reason}" for module, reason in found.broken.items())
    raise NotFound(f"there is no processor '{printable(name, 80)}': {hint}{unread}")


def _bundled(name: str) -> AnyProcessor | None:
    """The processor of the bundled module of that name, where there are no others: the other modules are not imported."""
    if os.environ.get("QTUI_PROCESSORS") or not name.isidentifier() or find_spec(f"{BUNDLED}.{name}") is None:
        return None
    module = importlib.import_module(f"{BUNDLED}.{name}")
    keep_logging()
    return next((each for each in _processors_of(module) if each.name == name), None)


def discover() -> FoundProcessors:
    """The processors of the bundled package and of QTUI_PROCESSORS; imported once for each value of the variable.

    Where the variable names a package, every module directly in it is imported too. A module that cannot be imported is left
    out, so that what only reads still works (`qtui-worker` refuses to start with such a module). Raises InvalidInput where
    two processors have one name, or give one queue different limits.
    """
    return _discover(os.environ.get("QTUI_PROCESSORS", ""))


@cache
def import_bundled() -> None:
    """Imports the bundled processors only: they are ours, so that a process may have them before it is forked."""
    for _ in _modules([BUNDLED], {}):
        pass


@cache
def _discover(variable: str) -> FoundProcessors:
    roots = [BUNDLED, *_split(variable)]
    broken: dict[str, str] = {}
    processors: dict[str, AnyProcessor] = {}
    for module in _modules(dict.fromkeys(roots), broken):
        for processor in _processors_of(module):
            other = processors.setdefault(processor.name, processor)
            if other is not processor:
                raise InvalidInput(
                    f"two processors are named '{processor.name}': {other.path} and {processor.path}; "
                    "rename one with @processor(name=…)"
                )
    keep_logging()
    declared_limits(processors.values())
    ordered = dict(sorted(processors.items()))
    paths = {processor.path: processor for processor in ordered.values()}
    return FoundProcessors(MappingProxyType(ordered), MappingProxyType(paths), MappingProxyType(broken))


def _modules(roots: Iterable[str], broken: dict[str, str]) -> Iterator[ModuleType]:
    for root in roots:
        if not all(part.isidentifier() for part in root.split(".")):
            broken[root] = "it is not the name of a module"
            continue
        module = _import(root, broken)
        if module is None:
            continue
        yield module
        for info in pkgutil.iter_modules(getattr(module, "__path__", []), f"{root}."):
            inner = _import(info.name, broken)
            if inner is not None:
                yield inner


def _import(name: str, broken: dict[str, str]) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 - a module may raise anything while it is imported
        broken[name] = printable(f"{type(error).__name__}: {error}", 300)
        return None


def _processors_of(module: ModuleType) -> list[AnyProcessor]:
    """The processors that a module defines, without those that it imports."""
    return [v for v in vars(module).values() if isinstance(v, Processor) and v.__module__ == module.__name__]
