"""The rights that each kind of user of a Redis needs, as rules of an ACL; and which of them a user lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis.exceptions import NoPermissionError, ResponseError

from qtui_workers.server import keys
from qtui_workers.server.redis_errors import rule_of

# Each command once, with arguments that are right in number: KEY is a key, CHANNEL a channel.
_LOOKING: Final = (
    "ping", "time", "evalsha_ro X 0", "eval_ro X 0",
    "exists KEY", "type KEY", "ttl KEY", "pttl KEY", "scan 0",
    "get KEY", "hget KEY f", "hmget KEY f", "hgetall KEY", "hkeys KEY", "hstrlen KEY f",
    "llen KEY", "lindex KEY 0", "lrange KEY 0 0", "lpos KEY m",
    "scard KEY", "smembers KEY", "srandmember KEY",
    "zcard KEY", "zcount KEY 0 0", "zrange KEY 0 0", "zrevrange KEY 0 0", "zscore KEY m",
    "xrange KEY - +", "xrevrange KEY + -", "xread STREAMS KEY 0",
)  # fmt: skip
_OPERATING: Final = (
    "evalsha X 0", "eval X 0", "multi", "exec", "watch KEY", "unwatch",
    "unlink KEY", "rename KEY KEY", "expire KEY 1", "persist KEY",
    "pexpireat KEY 1", "set KEY v", "hset KEY f v", "hsetnx KEY f v", "hincrby KEY f 1", "hdel KEY f", "hrandfield KEY",
    "lpop KEY", "ltrim KEY 0 -1", "rpop KEY", "rpush KEY m", "lpush KEY m", "lset KEY 0 m", "linsert KEY BEFORE m m",
    "lrem KEY 1 m", "sadd KEY m", "srem KEY m", "sunionstore KEY KEY KEY",
    "zadd KEY 1 m", "zrem KEY m", "zpopmin KEY", "zmscore KEY m", "zremrangebyscore KEY 0 0",
    "xadd KEY * f v",
)  # fmt: skip
_WORKING: Final = (
    "script|load X", "script|exists X", "del KEY",
    "hexists KEY f", "hincrbyfloat KEY f 1", "lmove KEY KEY LEFT RIGHT", "sismember KEY m",
    "zrangebyscore KEY 0 0", "zrank KEY m", "zrandmember KEY", "zincrby KEY 1 m",
    "zremrangebyrank KEY 0 0", "xlen KEY",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rights:
    """What a kind of user may do."""

    name: str
    needed: tuple[str, ...]
    """The commands without which it cannot do its work, each with arguments."""
    helpful: tuple[str, ...]
    """Those without which it can: less is shown, or it takes longer."""

    def commands(self) -> list[str]:
        """The names of all these commands, in the form of an ACL."""
        return [call.partition(" ")[0] for call in (*self.needed, *self.helpful)]

    def rules(self, *, read_only_scripts: bool = True) -> str:
        """The rules for ACL SETUSER. `read_only_scripts`: whether the server has EVAL_RO, which is new in Redis 7.0."""
        known = (name if read_only_scripts else name.removesuffix("_ro") for name in self.commands())
        commands = dict.fromkeys(f"+{name}" for name in known)
        return " ".join([*commands, f"~{keys.ALL}", "resetchannels", f"&{keys.commands('*')}"])


LOOKING: Final = Rights(
    "looking", _LOOKING, ("info", "memory|usage KEY", "client|setname X", "pubsub|numsub CHANNEL", "multi", "discard")
)
OPERATING: Final = Rights("operating", (*_LOOKING, *_OPERATING, "publish CHANNEL x"), LOOKING.helpful)
WORKING: Final = Rights(
    "working",
    (*_LOOKING, *_OPERATING, *_WORKING),
    (*LOOKING.helpful, "client|info", "client|tracking ON", "subscribe CHANNEL", "unsubscribe CHANNEL"),
)
ALL: Final = (LOOKING, OPERATING, WORKING)
_OF_TRANSACTIONS: Final = ("multi", "exec", "discard")
_CALLS: Final = {call.partition(" ")[0]: call for call in (*WORKING.needed, *OPERATING.needed)}


def named(client: redis.Redis, commands: Iterable[str], error: NoPermissionError) -> NoPermissionError:
    """The refusal of a script that runs these commands, with the rules that the user lacks, where they can be found out.

    Before Redis 7.2 a server does not say which of a script's commands, or which key, it has refused.
    """
    rules = [] if rule_of(error) else _lacking_of(client, commands)
    return NoPermissionError(f"{error}: needs {' '.join(rules)}") if rules else error


def require(client: redis.Redis, commands: Iterable[str]) -> None:
    """Raises NoPermissionError if the client's user lacks the right to run a script of these commands, as far as is known.

    What a script has written before the server refuses it a command stays.
    """
    if rules := _lacking_of(client, ("evalsha", *commands)):
        raise NoPermissionError(f"NOPERM needs {' '.join(rules)}")


def _lacking_of(client: redis.Redis, commands: Iterable[str]) -> list[str]:
    try:
        rules = lacking(client, [_CALLS[name] for name in sorted(commands) if name in _CALLS])
    except (redis.RedisError, OSError):
        return []
    return [] if rules == ["+multi"] else rules


def lacking(client: redis.Redis, calls: Iterable[str]) -> list[str]:
    """The rules that the client's user lacks for these commands, on our keys and channels, in the form of an ACL.

    The commands are sent in a transaction that is discarded, so nothing is run. Raises redis.RedisError or OSError where it
    cannot be had; where it takes no transactions, the only rule is `+multi`.
    """
    wanted = [call for call in calls if call not in _OF_TRANSACTIONS]
    connection: Any = client.connection_pool.get_connection()
    try:
        if isinstance(refused := _replies(connection, ["multi"])[0], Exception):
            return ["+multi"] if isinstance(refused, NoPermissionError) else []
        found = _replies(connection, wanted)
        for call in ("discard", "exec"):  # EXEC fails, as no transaction is left
            wanted.append(call)
            found += _replies(connection, [call])
            if call == "discard" and isinstance(found[-1], Exception):
                connection.disconnect()  # or the transaction would go on
                break
    finally:
        client.connection_pool.release(connection)
    return list(dict.fromkeys(_rule(call, reply) for call, reply in zip(wanted, found, strict=True) if _is_refused(reply)))


def _is_refused(reply: Any) -> bool:
    return isinstance(reply, NoPermissionError)


def _rule(call: str, error: NoPermissionError) -> str:
    return rule_of(error) or f"+{call.partition(' ')[0]}"


def _replies(connection: Any, calls: Iterable[str]) -> list[Any]:
    """The replies to these commands, sent together; errors are in their places."""
    packed = [tuple(_words(call)) for call in calls]
    connection.send_packed_command(connection.pack_commands(packed))
    return [_reply(connection) for _ in packed]


def _words(call: str) -> Iterator[str]:
    samples = {"KEY": keys.job("X"), "CHANNEL": keys.commands("X")}
    name, *arguments = call.split()
    yield from name.split("|")
    yield from (samples.get(word, word) for word in arguments)


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
