"""The code of the page: it checks a real signature and takes no other, and its probe does what the page says."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from omniops.operations.proving import application
from omniops.proof.report import FORMAT, USE, signed
from omniops.proof.runner import run_probe, try_sabotages
from omniops.proof.stage import LiveStage
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.signing import Signer

PAGE = (Path(__file__).parents[2] / "docs" / "proof.md").read_text()


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    found = {}
    for name, body in re.findall(r"^```python title=\"(\w+)\.py\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        path = tmp_path_factory.mktemp("page") / f"{name}.py"
        path.write_text(body)
        spec = importlib.util.spec_from_file_location(name, path)
        found[name] = importlib.util.module_from_spec(spec)
        sys.modules[name] = found[name]  # where a class says that it was written
        spec.loader.exec_module(found[name])
    yield found
    for name in found:
        del sys.modules[name]


def test_a_real_report_holds_and_no_other(code, postgres):
    signer = Signer(postgres.root.secret(USE))
    published = json.loads(json.dumps(signed({"format": FORMAT, "claims": ["é"]}, signer)))
    verify = code["verify"].verify
    assert verify(published, signer.public_bytes.hex())["claims"] == ["é"]
    with pytest.raises(InvalidSignature):
        verify(published, Signer(postgres.root.secret("another use")).public_bytes.hex())
    published["report"]["claims"] = []
    with pytest.raises(InvalidSignature):
        verify(published, signer.public_bytes.hex())


async def test_the_probe_of_the_page_is_a_good_one(code, postgres, links, tmp_path):
    plugins = ["website", "site", "quoting", "hybrid"]
    settings = Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", encoder="none", plugins=plugins)
    probe = code["probe"].NoCards
    async with (
        Runtime.open(settings, links, postgres.root, migrate=True) as runtime,
        LiveStage.open(runtime, application(runtime, postgres.root)) as stage,
    ):
        found = await run_probe(probe, stage)
        assert (found.state, found.claims) == ("proved", ("P8",)), found.said
        (trial,) = await try_sabotages([probe], stage, known=[probe])
    assert trial.good, trial.problem


def test_the_page_names_every_verdict_and_setting():
    for word in ("PROVED", "UNPROVEN", "FAILED", "ATTESTED", "STALE"):
        assert f"| {word} |" in PAGE
    for name in (
        "legal_name",
        "postal_address",
        "privacy_email",
        "privacy_contact",
        "supervisory_authority",
        "hosting",
    ):
        assert f"`{name}`" in PAGE
        assert name in Settings.model_fields
