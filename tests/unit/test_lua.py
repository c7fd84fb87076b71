"""The sources of the Lua scripts: how they are put together, what they may contain, and what a linter finds in them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from qtui_workers.server import keys
from qtui_workers.server.scripts import Script
from tests import lua

SOURCES = [path for package in lua.PACKAGES for path in sorted(lua.folder(package).glob("*.lua"))]
LITERAL = re.compile(r"'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"")


def package(folder: Path, **sources: str) -> None:
    """An importable package with these scripts."""
    (folder / "lua").mkdir(parents=True)
    (folder / "__init__.py").touch()
    for name, text in sources.items():
        (folder / "lua" / f"{name}.lua").write_text(text)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package whose scripts require each other, and scripts of `qtui_workers`."""
    package(
        tmp_path / "own_scripts",
        top="-- requires: left, right\n-- arguments: last\nreturn 1",
        left="-- requires: base\n-- arguments: first, second\nlocal left = base",
        right="-- requires: base, time\nlocal right = base",
        base="local base = 1",
        around="-- requires: back",
        back="-- requires: around",
        lost="-- requires: nowhere",
        some="local function below()\nend\n-- why\nlocal function used()\n  local function inner()\n    below()\n  end\n"
        "  inner()\nend\nlocal function never()\n  below()\nend",
        uses="-- requires: some\nused()",
        twice="-- requires: left\n-- arguments: first",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return "own_scripts"


def test_what_a_script_requires_comes_before_it_and_once(own: str) -> None:
    script = Script.load("top", own)
    assert [part.name for part in script.parts] == ["base", "left", "time", "right", "top"]
    assert script.text.count("local base = 1") == 1
    assert script.arguments == ("first", "second", "last")
    assert "local FIRST = 4\n" in script.text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("around", "Lua files require each other in a circle: around → back → around"),
        ("lost", "lost requires 'nowhere', but there is no lua/nowhere.lua in own_scripts or qtui_workers"),
        ("nothing", "there is no lua/nothing.lua in own_scripts or qtui_workers"),
        ("twice", "twice has two arguments of the name first: rename one"),
    ],
)
def test_what_cannot_be_put_together_is_an_error_that_says_why(own: str, name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        _ = Script.load(name, own).text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("return keys.jobb('x')", "keys.jobb: server/keys.py has no such name"),
        ("return keys.annotations", "keys.annotations: server/keys.py has no such name"),
        ("return keys.job('x', 'y')", "keys.job: called with 2 arguments"),
        ("return statuses.over.failed", "statuses.over: qtui_workers/statuses.py has no such fact"),
        ("return args.other", "args.other: the script declares no such argument"),
    ],
)
def test_a_name_that_there_is_not_is_an_error(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        _ = Script(text).text


def test_arguments_are_those_that_are_declared() -> None:
    script = Script("-- arguments: one, two\nreturn 1")
    assert script.values("r\u00e9st", two=2, one="1") == ["1", 2, b"r\xc3\xa9st"]
    with pytest.raises(TypeError, match=r"missing, or not declared: one, three"):
        script.values(two=2, three=3)


def test_a_script_holds_no_comments_and_no_function_that_it_does_not_call(own: str) -> None:
    text = Script.load("uses", own).text
    assert "why" not in text
    assert re.findall(r"function (\w+)", text) == ["below", "used", "inner"]


def test_names_are_written_out_where_they_stand() -> None:
    call = "keys.registry(statuses.registry.started, f(args.id, '('))"
    text = Script(f"-- arguments: id\nreturn {call}, statuses.waits.failed, statuses.waits[x]").text
    assert text.splitlines()[-1] == f"return ('{keys.PREFIX}:' .. ('wip') .. ':' .. (f(ARGV[1], '('))), nil, statuses.waits[x]"
    assert text.startswith("local statuses = { waits = { deferred = true, ")


def test_no_two_scripts_have_the_same_name() -> None:
    assert [name for name, times in Counter(path.stem for path in SOURCES).items() if times > 1] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_script_names_no_key_and_uses_nothing_that_some_server_has_not(path: Path) -> None:
    text = path.read_text("utf-8")
    literals = [single or double for single, double in LITERAL.findall(re.sub(r"--.*", "", text))]
    assert not [literal for literal in literals if literal != ":" and (literal[:1] == ":" or literal[-1:] == ":")]
    assert not re.search(r"\b(os|debug|io)\.|\bKEYS\b|redis\.setresp|redis\.acl", text)
    indents = [len(line) - len(line.lstrip(" ")) for line in text.splitlines()]
    assert "\t" not in text
    assert not [indent for indent in indents if indent % 2]


def joined(tree: ast.AST) -> Iterator[ast.AST]:
    """The expressions that put texts together."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.BinOp))


def test_key_names_are_put_together_in_one_file_only() -> None:
    wrong = []
    for room in ("qtui", "workers"):
        for path in (lua.ROOT / room).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            if path == Path(str(keys.__file__)):
                continue
            prefixes = [
                found
                for node in joined(tree)
                for found in ast.walk(node)
                if isinstance(found, ast.Attribute)
                and re.fullmatch(r"PREFIX|OURS|[A-Z]+_PREFIX", found.attr)
                and isinstance(found.value, ast.Name)
                and found.value.id == "keys"
            ]
            texts = [
                node
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"rq:\w", node.value)
            ]
            wrong += [f"{path}:{node.lineno}" for node in [*prefixes, *texts]]
    assert not wrong


@pytest.mark.long
@pytest.mark.skipif(not lua.LUACHECK, reason="luacheck is no Python package: Debian has it as lua-check")
def test_luacheck_finds_nothing_and_would_find_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lua.findings() == []
    wrong = Script("local unused = 1\n\nreturn keys.job(undefined)")
    monkeypatch.setattr(lua, "all_scripts", lambda: [("", wrong)])
    assert lua.findings() == [
        "this script.lua:1: (W211) unused variable 'unused'",
        "this script.lua:3: (W113) accessing undefined variable 'undefined'",
    ]
