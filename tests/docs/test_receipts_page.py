"""The code of the page verifies a receipt of a real answer, offline, and takes no other."""

import base64
import json
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from desk import collect, opened

PAGE = (Path(__file__).parents[2] / "docs" / "receipts.md").read_text()
(CODE,) = re.findall(r"^```python title=\"verify.py\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def verify():
    names = {}
    exec(CODE, names)
    return names["verify"]


@pytest.fixture(scope="module")
async def given(postgres, links, tmp_path_factory):
    """A receipt, the public keys and the answer's text."""
    async with opened(links, postgres.root, tmp_path_factory.mktemp("receipts")) as desk:
        desk.domain = await desk.new_domain()
        await desk.page("Parcels leave our warehouse in Kiel within two working days.")
        await desk.with_model("Your order leaves within two working days. [S1]")
        visitor = await desk.visitor()
        message = (await collect(await desk.ask(visitor, "When does it leave?")))[-1][1]
        receipts = desk.runtime.visiting.receipts
        return await receipts.of(visitor, message["id"]), receipts.keys(), message["text"]


def test_a_real_receipt_holds(verify, given):
    receipt, keys, text = given
    said = verify(receipt, json.loads(json.dumps(keys)), text)
    assert (said["provider"], said["processor"], said["ai_generated"]) == ("model", "vendor", True)


def test_nothing_else_does(verify, given):
    receipt, keys, text = given
    head, body, signature = receipt.split(".")
    padded = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    forged = base64.urlsafe_b64encode(padded.replace(b'"eu"', b'"us"')).decode().rstrip("=")
    assert forged != body
    assert verify(f"{head}.{forged}.{signature}", keys, text) is None
    assert verify(receipt, keys, text + ".") is None
    assert verify(receipt, {"keys": []}, text) is None
    assert verify("no receipt", keys, text) is None


def test_the_table_names_every_field(verify, given):
    receipt, keys, text = given
    table = PAGE.partition("| field |")[2]
    assert [name for name in verify(receipt, keys, text) if f"`{name}`" not in table] == []
