"""`omniops prove` and `omniops privacy attest` as an operator runs them."""

import json


async def test_a_claim_is_proved_and_its_report_holds_without_a_server(command, desk, tmp_path):
    done = command("prove", "--claim", "P30", "--json", OMNIOPS_PLUGINS="website,site,quoting,hybrid")
    assert done.returncode == 0, done.stderr
    published = json.loads(done.stdout)
    (row,) = [row for row in published["report"]["claims"] if row["id"] == "P30"]
    assert row["verdict"] == "PROVED"

    file = tmp_path / "proof.json"
    file.write_text(done.stdout)
    held = command("prove", "--verify", file, "--key", published["key"], OMNIOPS_DATABASE_URL="postgresql://nowhere/x")
    assert held.returncode == 0, held.stderr
    assert "The signature holds" in held.stderr

    row["verdict"] = "FAILED"
    file.write_text(json.dumps(published))
    changed = command("prove", "--verify", file)
    assert changed.returncode == 1
    assert "the report was changed" in changed.stderr
    assert "cannot be read as a report" in command("prove", "--verify", tmp_path / "nothing").stderr


async def test_a_signature_is_recorded_and_nonsense_is_not(command, desk, tmp_path):
    paper = tmp_path / "opinion.pdf"
    paper.write_bytes(b"An opinion.")
    signing = ("privacy", "attest", "P1", "--author", "Ada, counsel", "--said", "Read.", "--evidence", paper, "--until")
    plugins = {"OMNIOPS_PLUGINS": "website,site,quoting,hybrid"}
    done = command(*signing, "2099-12-31", **plugins)
    assert done.returncode == 0, done.stderr
    assert "Ada, counsel signed for P1 until 2099-12-31" in done.stderr
    stored = desk.rows("select author, valid_until::text, evidence from omniops.attestation where claim = 'P1'")
    assert [(author, until, len(evidence)) for author, until, evidence in stored] == [
        ("Ada, counsel", "2099-12-31", 64)
    ]
    assert "is no day" in command(*signing, "soon", **plugins).stderr
