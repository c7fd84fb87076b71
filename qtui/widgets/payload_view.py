"""Plain data as a tree whose nodes are made when they are opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from qtui.widgets.theme import tone_classes, tone_rules
from qtui_workers.text import printable

BATCH: Final = 100
"""At most this many children are added at once; the last line of a longer list adds the next ones."""
LABEL: Final = 200
"""A text of more characters than this opens into several lines."""
PREVIEW: Final = 40
"""Characters of a longer text that are shown on its node's line."""
LINE: Final = 100
"""Characters in each of the lines below that node."""
LONGEST_TEXT: Final = 100_000
"""At most this many characters of a text are shown."""
OPEN_UNTIL: Final = 12
"""A mapping or list at the top level with at most this many children is open from the start."""
_OBJECT: Final = "__object__"


@dataclass(frozen=True, slots=True)
class _Branch:
    """The data of a node: a value that has children, and the names on the path to it."""

    path: tuple[str, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class _More:
    """The data of the node in place of the children from number `start` on, which are not made yet."""

    branch: _Branch
    start: int


class PayloadView(Tree[Any]):
    """Mappings, lists and scalars of any depth and size; only open nodes are made, in batches of 100."""

    COMPONENT_CLASSES: ClassVar[set[str]] = tone_classes("payload-view")
    DEFAULT_CSS = (
        "PayloadView { height: 1fr; background: transparent; padding: 0; scrollbar-size-vertical: 1;\n"
        + tone_rules("payload-view")
        + "}"
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "cursor_up", "Up", show=False, id="payload.up"),
        Binding("j", "cursor_down", "Down", show=False, id="payload.down"),
        Binding("ctrl+u", "page_up", "Page up", show=False, id="payload.page_up"),
        Binding("ctrl+d", "page_down", "Page down", show=False, id="payload.page_down"),
        Binding("g", "scroll_home", "Top", show=False, id="payload.top"),
        Binding("G", "scroll_end", "Bottom", show=False, id="payload.bottom"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Text(""), id=id, classes=classes)
        self.root.add_leaf(Text("…", "muted"))
        self.show_root = False
        self.guide_depth = 2
        self._value: Any = self  # differs from every value that can be shown
        self._opened: dict[tuple[str, ...], bool] = {}

    def show(self, value: Any) -> None:
        """Show a value; what is open stays open, and a value equal to what is shown changes nothing."""
        if _same(value, self._value):
            return
        self._value = value
        line = self.cursor_line
        self.clear()
        if has_children(value):
            self.root.data = _Branch((), value)
            self._fill(self.root, _Branch((), value), 0)
        else:
            self.root.add_leaf(_summary(value))
        self.root.expand()
        self.move_cursor_to_line(max(0, line))

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Any]) -> None:
        """Make the children of a node when it is opened first."""
        event.stop()
        branch = event.node.data
        if isinstance(branch, _Branch):
            self._opened[branch.path] = True
            if not event.node.children:
                self._fill(event.node, branch, 0)

    def on_tree_node_collapsed(self, event: Tree.NodeCollapsed[Any]) -> None:
        """Remember that the node stays closed when the value changes."""
        event.stop()
        if isinstance(event.node.data, _Branch):
            self._opened[event.node.data.path] = False

    def on_tree_node_selected(self, event: Tree.NodeSelected[Any]) -> None:
        """Make the next batch of children."""
        event.stop()
        more, parent = event.node.data, event.node.parent
        if isinstance(more, _More) and parent is not None:
            event.node.remove()
            self._fill(parent, more.branch, more.start)

    def _fill(self, node: TreeNode[Any], branch: _Branch, start: int) -> None:
        total = _length(branch.value)
        for name, child in islice(_children(branch.value), start, start + BATCH):
            self._add(node, branch, name, child)
        if (left := total - start - BATCH) > 0:
            node.add_leaf(Text(f"… {left:,} more (enter)", "muted"), _More(branch, start + BATCH))

    def _add(self, node: TreeNode[Any], branch: _Branch, name: str, child: Any) -> None:
        label = Text.assemble((f"{printable(name, LABEL)}  ", "name"), _summary(child)) if name else _summary(child)
        if not has_children(child):
            node.add_leaf(label)
            return
        below = _Branch((*branch.path, name), child)
        small = node.is_root and not isinstance(child, str) and _length(child) <= OPEN_UNTIL
        added = node.add(label, below)
        if self._opened.get(below.path, small):
            added.expand()

    def render_label(self, node: TreeNode[Any], base_style: Style, style: Style) -> Text:
        """The label in the colours of the theme: its spans name tones."""
        label = node.label if isinstance(node.label, Text) else Text(node.label)
        found = Text(_marker(node), style)
        for text, tone in _spans(label):
            found.append(text, style + self._tone(tone))
        return found

    def get_label_width(self, node: TreeNode[Any]) -> int:
        """The label's width, without styles, because these do not exist before the widget is mounted."""
        return len(_marker(node)) + (node.label.cell_len if isinstance(node.label, Text) else len(node.label))

    def _tone(self, tone: str) -> Style:
        if tone == "name":
            return Style(bold=True)
        return Style(color=self.get_component_rich_style(f"payload-view--{tone}").color)


def _marker(node: TreeNode[Any]) -> str:
    if not node.allow_expand:
        return "  "
    return "▾ " if node.is_expanded else "▸ "


def _spans(label: Text) -> Iterator[tuple[str, str]]:
    if not label.spans:
        yield label.plain, str(label.style)
    for span in label.spans:
        yield label.plain[span.start : span.end], str(span.style)


def has_children(value: Any) -> bool:
    """Whether a value opens: a mapping or list that is not empty, or a text of several lines."""
    return bool(value) and (isinstance(value, dict | list | tuple) or (isinstance(value, str) and _is_long(value)))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and values below a value that has children; lines of a text have no name."""
    if isinstance(value, dict):
        yield from ((str(name), child) for name, child in value.items())
    elif isinstance(value, str):
        yield from (("", line) for line in _lines(value))
    else:
        yield from ((str(number), child) for number, child in enumerate(value))


def _length(value: Any) -> int:
    return sum(1 for _ in _lines(value)) if isinstance(value, str) else len(value)


def _is_long(text: str) -> bool:
    return len(text) > LABEL or "\n" in text


class _Line(str):
    """A line of a longer text, shown without a name and without quotes."""

    __slots__ = ()


def _lines(text: str) -> Iterator[_Line]:
    for line in text[:LONGEST_TEXT].splitlines():
        for start in range(0, max(1, len(line)), LINE):
            yield _Line(line[start : start + LINE])
    if len(text) > LONGEST_TEXT:
        yield _Line(f"… {len(text) - LONGEST_TEXT:,} characters left out")


def _summary(value: Any) -> Text:
    """A value in one line; the style of each part is the name of its tone."""
    if isinstance(value, _Line):
        return Text(printable(value), "good")
    if isinstance(value, str):
        if _is_long(value):
            return Text.assemble((f'"{printable(value, PREVIEW)}"', "good"), (f"  {len(value):,} characters", "muted"))
        return Text(f'"{printable(value)}"', "good")
    if isinstance(value, dict):
        if _OBJECT in value:
            return Text(f"‹{printable(str(value[_OBJECT]), LABEL)}›", "warn")
        return Text(f"{{{len(value):,}}}" if value else "{}", "muted")
    if isinstance(value, list | tuple):
        return Text(f"[{len(value):,}]" if value else "[]", "muted")
    if value is None or isinstance(value, bool):
        return Text({None: "null", True: "true", False: "false"}[value], "warn")
    if isinstance(value, int | float):
        return Text(_number(value), "busy")
    return Text(printable(repr(value), LABEL), "warn")


def _number(value: float) -> str:
    """A number as text; its size if it is too long to be shown."""
    if isinstance(value, int) and value.bit_length() > 4_096:
        return f"an integer of {value.bit_length():,} bits"
    return printable(repr(value), LABEL)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal; values nested too deep to be compared count as different."""
    try:
        return type(one) is type(other) and bool(one == other)
    except RecursionError:
        return False
