"""What a failure to talk to Redis means, in one sentence that says what to do next."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import redis
from redis.exceptions import (
    AskError,
    AuthorizationError,
    ClusterDownError,
    ClusterError,
    InvalidResponse,
    MasterDownError,
    MovedError,
    NoPermissionError,
    ResponseError,
)

from qtui_workers.errors import QtuiError, RedisUnavailable
from qtui_workers.server import keys
from qtui_workers.server.versions import OLDEST
from qtui_workers.text import printable


@dataclass(frozen=True, slots=True)
class _Cause:
    """A known failure: how it is recognized, and the rest of its sentence; `{reply}` is the error's own text, made safe."""

    kinds: tuple[type[BaseException], ...]
    """The class of the error, or of one that led to it, is one of these."""
    pattern: str
    """A regular expression that the error's own text must hold."""
    sentence: str


class TooOld(ResponseError):
    """The server's version is below `OLDEST`."""


_ANY: Final = (Exception,)
NEWER_FORMAT: Final = "QTUI_FORMAT"
"""The text of an error where newer programs write to a Redis, in a format that this one does not know."""
_PERMISSION: Final = "gives our user no permission ({reply}): have it granted (ACL SETUSER USER {rule}), or use another user"
_MEMORY: Final = "has no memory left: remove jobs or raise its maxmemory"
_REPLICA: Final = "is a read-only replica: use the address of the primary"
_ALONE: Final = "is a replica that has lost its primary, or is not in step with it yet: use the address of the primary"
CLUSTER: Final = "is a cluster, which RQ cannot use: use a single server"

_ENDED: Final = "has ended: try again, the next command starts it with its data"
_CLOSED: Final = "Connection closed|reset by peer|Broken pipe"
_NO_RIGHT: Final = r"ACL failure in script|user executing the script can't"
"""How servers say in a script that a right is missing: from Redis 7.2 on, and before."""
_ELSEWHERE: Final = r"non local key in a cluster node|slot not served"
"""How the nodes of a cluster say in a script that a key is on another one."""
_CODES: Final[dict[str, type[ResponseError]]] = {
    "READONLY": redis.ReadOnlyError,
    "OOM": redis.OutOfMemoryError,
    "MASTERDOWN": MasterDownError,
    "NOPERM": NoPermissionError,
}
"""The classes of errors that Redis 6.2 gives without one in a script."""
_PLACE_IN_PIPELINE: Final = re.compile(r"^Command # \d+ \(.*\) of pipeline caused error: ", re.DOTALL)
"""What redis-py puts before an error; the arguments of the command in it are names that people gave."""
_BUSY: Final = r"\bBUSY \w+ is busy"
_PLACE_IN_SCRIPT: Final = re.compile(r"^.*@user_script: ?\d+: -?| script: (\w+, )?on @user_script:\d+\.$", re.DOTALL)

# The first that fits is reported. As they are logged, no sentence may look like a secret to `qtui_workers.reporting.redaction`.
_CAUSES: Final = (
    _Cause(
        (redis.AuthenticationError,),
        "must be called|required",
        "needs a password; put it in the address, between redis:// with a colon and @ with the host, or in REDIS_PASSWORD",
    ),
    _Cause(
        (redis.AuthenticationError, AuthorizationError),
        "",
        "refused the user name or password; check them in the address or in REDIS_USERNAME and REDIS_PASSWORD",
    ),
    _Cause(
        _ANY, NEWER_FORMAT, "is used by a newer version of qtui, in a format that this one does not know: update this program"
    ),
    _Cause((NoPermissionError,), "", _PERMISSION),
    _Cause(_ANY, r"\bNOPERM\b", _PERMISSION),
    _Cause(
        (ResponseError,),
        r"\bWRONGTYPE\b",
        "has a key that is of another type than RQ makes it ({reply}); the command doctor of qtui names such keys",
    ),
    _Cause((ResponseError,), _BUSY, "is busy with a script that does not end: try again, or end the script (SCRIPT KILL)"),
    _Cause((redis.BusyLoadingError,), "", "is still loading its data: try again in a moment"),
    _Cause((redis.OutOfMemoryError,), "", _MEMORY),
    _Cause(_ANY, r"\bOOM\b", _MEMORY),
    _Cause((redis.ReadOnlyError,), "", _REPLICA),
    _Cause(_ANY, r"\bREADONLY\b", _REPLICA),
    _Cause((MasterDownError,), "", _ALONE),
    _Cause(_ANY, r"\bMASTERDOWN\b", _ALONE),
    _Cause(_ANY, r"\bMISCONF\b", "cannot write to its disk and takes no changes: see its log and its free space"),
    _Cause(_ANY, r"\bNOREPLICAS\b", "takes no changes while it has too few replicas (min-replicas-to-write): see that they run"),
    _Cause((ClusterError, ClusterDownError, MovedError, AskError), "", CLUSTER),
    _Cause(_ANY, rf"\b(MOVED|ASK|CROSSSLOT|CLUSTERDOWN)\b|{_ELSEWHERE}", CLUSTER),
    _Cause(_ANY, r"\bDENIED\b.*protected", "is in protected mode and lets nobody in from outside: set a password there"),
    _Cause(_ANY, "max number of clients", "has as many clients as it takes: close some or raise its maxclients"),
    _Cause(_ANY, "DB index|Invalid Database", "has no database of that number: use a lower one (0 is always there)"),
    _Cause((TooOld,), "", f"is too old ({{reply}}): use {'.'.join(map(str, OLDEST))} or newer, or any Valkey"),
    _Cause(_ANY, "unknown command.*HELLO|NOPROTO", "is too old, or behind a proxy: use 6.2 or newer, or any Valkey"),
    _Cause((socket.gaierror, UnicodeError), "", "cannot be found: no machine of that name is known, check its spelling"),
    _Cause(
        (ssl.SSLCertVerificationError,),
        "",
        "has a certificate that is not trusted ({reply}): name its authority with ?ssl_ca_certs=FILE in the address",
    ),
    _Cause((ssl.SSLError,), "", "does not speak TLS with us: use redis:// if it has none, or check port and certificates"),
    _Cause((TimeoutError,), "handshake", "does not answer in TLS: use redis:// if it has none, or check the port"),
    _Cause((FileNotFoundError,), "", "is not there: no such socket, check the path and that the server runs"),
    _Cause((PermissionError,), "", "may not be opened by us: check who may use the socket"),
    _Cause((ConnectionRefusedError,), "", "does not run: nothing listens there, start it or check the address"),
    _Cause(
        (redis.TimeoutError, TimeoutError),
        "",
        "did not answer in time: check that it is Redis, that it is not overloaded, and that no firewall is between",
    ),
    _Cause((InvalidResponse,), r"\\x15", "wants TLS: use rediss:// in the address"),
    _Cause((InvalidResponse, AttributeError, TypeError), "", "answers, but not as Redis does: check the host and the port"),
    _Cause(
        _ANY,
        _CLOSED,
        "closed the connection: it may be restarting, want TLS (rediss://), or be something else than Redis",
    ),
)

_EMBEDDED: Final = (
    _Cause(
        (redis.TimeoutError, TimeoutError), "", "did not answer in time: it is stopped, busy or waits for its disk; try again"
    ),
    _Cause((FileNotFoundError, ConnectionRefusedError), "", _ENDED),
    _Cause(_ANY, _CLOSED, _ENDED),
)
"""What is known of the embedded server beyond that, tried first: nobody else listens on its socket."""


def explain(error: Exception, label: str) -> RedisUnavailable:
    """The error about the Redis of that label (see `Target.label`), to be raised or shown.

    Its sentence holds no password; control characters of the server's own text are shown as symbols.
    """
    is_ours = label == "embedded" or label.startswith("embedded:")
    name = "The embedded server" if is_ours else f"Redis at {printable(label, 200)}"
    text = str(error).partition(", with args beginning")[0]  # the arguments may hold the password
    reply = printable(text.strip() or type(error).__name__, 200)
    sentence = next(
        (c.sentence for c in (*(_EMBEDDED if is_ours else ()), *_CAUSES) if _fits(c, error)),
        "failed: {reply}; check its log and the address",
    )
    return RedisUnavailable(f"{name} {sentence.format(reply=reply, rule=rule_of(error) or '…')}.")


def of_script(error: ResponseError) -> ResponseError:
    """An error of a script as the command itself would give it: of the same class, and without the place in the script."""
    said = str(error)
    text = _PLACE_IN_SCRIPT.sub("", said).strip()
    code, _, rest = text.partition(" ")
    if text == said:
        return error
    if code in _CODES:
        return _CODES[code](rest)
    return NoPermissionError(text) if re.search(_NO_RIGHT, text) else type(error)(text)


def rule_of(error: BaseException) -> str:
    """The rules of an ACL that a refused user lacks; '' where the server does not say which."""
    text = str(error)
    if found := re.search(r"needs ([+~&].*)$", text) or re.search(r"run the '([\w|-]+)' command", text):
        return found[1] if found[1][0] in "+~&" else f"+{found[1]}"
    if "channel" in text:
        return f"&{keys.commands('*')}"
    return f"~{keys.ALL}" if re.search(r"access (a key|one of the keys|at least one of the keys)", text) else ""


def is_away(error: BaseException) -> bool:
    """Whether the server cannot be had at all; one that answers, and refuses a command, is not away."""
    known = isinstance(error, redis.RedisError | OSError)
    return known and (not isinstance(error, ResponseError) or isinstance(error, MasterDownError))


def is_refused_write(error: BaseException) -> bool:
    """Whether the server takes no changes now, but may later: it lacks memory, disk or replicas, is busy, or is no primary."""
    if isinstance(error, redis.OutOfMemoryError | redis.ReadOnlyError | MasterDownError):
        return True
    return isinstance(error, ResponseError) and bool(re.search(rf"\b(MISCONF|NOREPLICAS)\b|{_BUSY}", str(error)))


def label_of(connection: redis.Redis) -> str:
    """The address of the server as people know it, without its password."""
    options = connection.connection_pool.connection_kwargs
    return str(options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0)}")


def may_be_temporary(error: Exception) -> bool:
    """Whether trying again may help: not where we were refused, nor where no such host exists."""
    lasting = (redis.AuthenticationError, AuthorizationError, socket.gaierror, ssl.SSLError)
    return not any(isinstance(one, lasting) for one in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and the errors that led to it: redis-py wraps those of the system. What was explained before led to nothing."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, QtuiError):
        yield found
        found = found.__cause__ or found.__context__


def _fits(cause: _Cause, error: Exception) -> bool:
    return any(
        isinstance(one, cause.kinds) and re.search(cause.pattern, _PLACE_IN_PIPELINE.sub("", str(one)), re.IGNORECASE)
        for one in _chain(error)
    )
