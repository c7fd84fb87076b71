"""Why jobs fail in the pictures: tracebacks as Python writes them on the machines of a shop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_REFUSED: Final = """\
Traceback (most recent call last):
  File "/srv/app/.venv/lib/python3.12/site-packages/rq/worker/base.py", line 1410, in perform_job
    return_value = job.perform()
                   ^^^^^^^^^^^^^
  File "/srv/app/.venv/lib/python3.12/site-packages/rq/job.py", line 1339, in perform
    self._result = self._execute()
                   ^^^^^^^^^^^^^^^
  File "/srv/app/shop/charge.py", line 41, in charge
    answer = gateway.post("/charges", json=order.as_charge(currency), timeout=30)
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/app/shop/gateway.py", line 88, in post
    raise ConnectionError(f"{self.host} refused") from error
shop.gateway.ConnectionError: 10.0.4.7 refused
"""

_TIMEOUT: Final = """\
Traceback (most recent call last):
  File "/srv/app/.venv/lib/python3.12/site-packages/rq/job.py", line 1339, in perform
    self._result = self._execute()
                   ^^^^^^^^^^^^^^^
  File "/srv/app/shop/charge.py", line 57, in refund
    answer = gateway.post("/refunds", json=order.as_refund(), timeout=30)
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/app/shop/gateway.py", line 85, in post
    raise TimeoutError("gateway did not answer in 30 s") from None
TimeoutError: gateway did not answer in 30 s
"""

_KEY: Final = """\
Traceback (most recent call last):
  File "/srv/app/.venv/lib/python3.12/site-packages/rq/job.py", line 1339, in perform
    self._result = self._execute()
                   ^^^^^^^^^^^^^^^
  File "/srv/app/shop/ledger.py", line 12, in book
    account = accounts[entry.currency]
              ~~~~~~~~^^^^^^^^^^^^^^^^
KeyError: 'EUR'
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call of a function fails."""

    function: str
    argument: str
    traceback: str
    seconds: float
    """How long it ran until then."""


_CHARGE: Final = Failure("shop.charge.charge", "order", _REFUSED, 0.2)
_REFUND: Final = Failure("shop.charge.refund", "order", _TIMEOUT, 30.0)
_BOOK: Final = Failure("shop.ledger.book", "entry", _KEY, 0.04)

FAILURES: Final = (_CHARGE, _CHARGE, _REFUND, _CHARGE, _CHARGE, _CHARGE, _BOOK, _CHARGE)
"""In the order in which jobs fail, again and again."""
