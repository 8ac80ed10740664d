"""The code of the page verifies a receipt of a real yes, offline, and takes no other; the table names its fields."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from desk import collect, opened
from omniops.privacy.service import Answer, Circumstances, choices

PAGE = (Path(__file__).parents[2] / "docs" / "consent.md").read_text()
(CODE,) = re.findall(r"^```python title=\"verify.py\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
async def given(postgres, links, tmp_path_factory):
    """A receipt of a yes, one of an answer of the AI, and the public keys."""
    async with opened(links, postgres.root, tmp_path_factory.mktemp("consent")) as desk:
        desk.domain = await desk.new_domain()
        visitor = await desk.visitor()
        message = (await collect(await desk.ask(visitor)))[-1][1]
        runtime = desk.runtime
        shown = next(choice for choice in choices(runtime.catalog, "en") if choice.purpose == "analytics")
        yes = Answer("analytics", True, shown.notice, shown.version)
        how = Circumstances("api", "en", jurisdiction="DE")
        await runtime.consents.record(desk.domain.scope, visitor.subject_id, yes, how, actor=visitor.actor)
        (event,) = await runtime.consents.history(desk.domain.scope, visitor.subject_id)
        receipts = runtime.privacy.receipts
        signed = await receipts.of(desk.domain.scope, [visitor.subject_id], event.id)
        return signed, await runtime.visiting.receipts.of(visitor, message["id"]), receipts.keys()


def test_a_real_receipt_holds_and_nothing_else_does(given):
    names = {}
    exec(CODE, names)
    receipt, other, keys = given
    said = names["verify"](receipt, keys)
    assert said["pii_processing"]["purpose"]["record_id"] == "analytics"
    assert said["event"]["event_state"] == "dpv:ConsentGiven"
    head, body, signature = receipt.split(".")
    forged = f"{head}.{body[:-6]}{'A' * 6}.{signature}"
    for wrong in (forged, other, "no receipt", f"{head}.{body}."):
        assert names["verify"](wrong, keys) is None
    assert names["verify"](receipt, {"keys": []}) is None
    table = PAGE.partition("| field |")[2]
    assert [name for name in said if not name.startswith("@") and f"`{name}`" not in table] == []
