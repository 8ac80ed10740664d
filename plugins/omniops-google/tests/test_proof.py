"""The promise P24 holds on the whole application, and its proof turns red without what it rests on."""

from omniops.operations.proving import prove
from omniops_google.proving import OnlyWhatIsListed
from omniops_google.proving_reading import OnlyChosenFilesAndListedContacts

PROBES = (OnlyChosenFilesAndListedContacts, OnlyWhatIsListed)


async def test_the_promise_holds_and_its_proof_can_fail(app, postgres):
    run = await prove(app.runtime, postgres.root, claim="P24", sabotage=True)
    found = sorted((outcome.probe, outcome.state, outcome.said) for outcome in run.outcomes)
    assert [one[:2] for one in found] == [(probe.__name__, "proved") for probe in PROBES], found
    assert sorted(trial.how for trial in run.trials) == sorted(one.how for probe in PROBES for one in probe.sabotages)
    assert all(trial.good for trial in run.trials), run.trials
