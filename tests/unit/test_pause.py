"""What names queues to pause."""

from __future__ import annotations

import pytest
import redis

from qtui_workers.enqueue.pause import pause, resume


@pytest.mark.parametrize("act", [pause, resume])
def test_one_name_is_not_taken_for_its_letters(act) -> None:
    with pytest.raises(TypeError, match=r"give a list of queues: \['mail'\]"):
        act(redis.Redis(), "mail")
