"""What the register lets through for a webhook: the stored host, a web server's port, and nothing personal."""

from dataclasses import replace
from uuid import uuid4

import pytest
from omniops.contracts.scope import Scope
from omniops.errors import EgressRefused
from omniops.gate.grants import Grant
from omniops.privacy.register import ProcessorRegister

GRANT = Grant.own_webhook(Scope(uuid4(), uuid4()), "hooks.shop.example")
REGISTER = ProcessorRegister([], None)


@pytest.mark.parametrize("port", [443, 8443, 1024])
def test_the_stored_receiver_is_admitted_with_the_newest_tls(port):
    assert REGISTER.admit(GRANT, "hooks.shop.example", port).tls == "1.3"


@pytest.mark.parametrize(
    ("grant", "host", "port", "reason"),
    [
        (GRANT, "evil.example", 443, "unknown_host"),
        (GRANT, "sub.hooks.shop.example", 443, "unknown_host"),
        (GRANT, "hooks.shop.example", 25, "unknown_port"),
        (GRANT, "hooks.shop.example", 80, "unknown_port"),
        (replace(GRANT, purpose="chat.respond"), "hooks.shop.example", 443, "own_webhook"),
        (replace(GRANT, categories=("user.content.chat",)), "hooks.shop.example", 443, "own_webhook"),
        (replace(GRANT, subjects=(uuid4(),)), "hooks.shop.example", 443, "own_webhook"),
        (replace(GRANT, hosts=frozenset()), "hooks.shop.example", 443, "unknown_host"),
    ],
)
def test_anything_else_is_refused(grant, host, port, reason):
    with pytest.raises(EgressRefused) as refused:
        REGISTER.admit(grant, host, port)
    assert refused.value.reason == reason
