"""Jobs and a module that configure logging as programs do, to the harm of whoever else logs."""

from __future__ import annotations

import logging
import logging.config
import os
import sys
import warnings

MODULE = "tests.workers.loud"
CONFIGURATION = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler", "level": "ERROR"}},
    "loggers": {
        "": {"handlers": ["console"], "level": "ERROR"},
        "rq.worker": {"handlers": ["console"], "propagate": False},
        MODULE: {},
    },
}
log = logging.getLogger(MODULE)


def basic() -> None:
    logging.basicConfig(format="reshaped %(message)s", level=logging.CRITICAL, force=True)


def dictionary() -> None:
    """As in Django: loggers that exist already and are not named are disabled."""
    logging.config.dictConfig(CONFIGURATION)


def disabled() -> None:
    logging.disable(logging.CRITICAL)


def removed() -> None:
    logging.root.handlers.clear()
    logging.getLogger("rq").handlers.clear()
    logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
    logging.getLogger("qtui_workers").disabled = True


def another() -> None:
    """A handler beside the others: each record of the worker appears once all the same."""
    logging.root.addHandler(logging.StreamHandler(sys.stdout))
    logging.getLogger("rq.worker").addHandler(logging.StreamHandler())


def quiet() -> None:
    warnings.warn("a warning", stacklevel=1)
    log.error("still heard")
    raise ValueError("as told")


DEEDS = (basic, dictionary, disabled, removed, another)
for _deed in DEEDS:
    if _deed.__name__ == os.environ.get("LOUD"):
        _deed()
