"""The part of the suite that talks to Redis, on other servers than the embedded one."""
