"""The receiver's code of the page, against what is really sent and against what an attacker would send."""

import re
import time
from pathlib import Path
from typing import get_args

import pytest
from omniops.webhooks.delivering import WAITS
from omniops.webhooks.service import TEST, Kind
from omniops.webhooks.signing import new_secret, signed

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
(CODE,) = re.findall(r"^```python title=\"verify.py\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BODY = b'{"type":"webhook.test"}'


@pytest.fixture
def verify():
    names = {}
    exec(CODE, names)
    return names["verify"]


def test_what_is_sent_is_taken(verify):
    secret, old = new_secret(), new_secret()
    headers = signed([secret, old], "evt_1", int(time.time()), BODY)
    assert verify(secret, headers, BODY)
    assert verify(old, headers, BODY), "while a secret is rotated, the old one fits too"


def test_what_was_changed_is_not(verify):
    secret = new_secret()
    now = int(time.time())
    headers = signed([secret], "evt_1", now, BODY)
    assert not verify(secret, headers, BODY + b" ")
    assert not verify(secret, {**headers, "webhook-id": "evt_2"}, BODY)
    assert not verify(secret, {**headers, "webhook-timestamp": str(now + 1)}, BODY)
    assert not verify(secret, {**headers, "webhook-signature": "v1,"}, BODY)
    assert not verify(new_secret(), headers, BODY)
    assert not verify(secret, signed([secret], "evt_1", now - 400, BODY), BODY)


def test_the_page_names_every_event_and_every_wait():
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE.partition("## Verify")[0]))
    assert named >= {*get_args(Kind), TEST}
    hours = [wait // 3600 for wait in WAITS if wait >= 3600]
    assert hours == [2, 5, 10, 14, 20, 24]
    assert "then 2, 5, 10, 14, 20 and 24 hours" in PAGE
