"""The promises P26 and P28 hold on the whole application, and their proofs turn red without what they rest on."""

import pytest
from omniops.operations.proving import prove
from omniops_meta.probes import MessagesOnly, SumsOnly


@pytest.mark.parametrize("probe", [MessagesOnly, SumsOnly])
async def test_the_promise_holds_and_its_proof_can_fail(app, postgres, probe):
    (claim,) = probe.claims
    run = await prove(app.runtime, postgres.root, claim=claim, sabotage=True)
    (outcome,) = run.outcomes
    assert (outcome.probe, outcome.state) == (probe.__name__, "proved"), outcome.said
    assert [trial.how for trial in run.trials] == [one.how for one in probe.sabotages]
    assert all(trial.good for trial in run.trials), run.trials
