"""The promise P27 holds on the whole application, and its proof turns red without what it rests on."""

from omniops.operations.proving import prove
from omniops_slack.proving import OnlySlacksMessages


async def test_the_promise_holds_and_its_proof_can_fail(app, postgres):
    run = await prove(app.runtime, postgres.root, claim="P27", sabotage=True)
    assert [(outcome.probe, outcome.state) for outcome in run.outcomes] == [("OnlySlacksMessages", "proved")], (
        run.outcomes
    )
    assert [trial.how for trial in run.trials] == [one.how for one in OnlySlacksMessages.sabotages]
    assert all(trial.good for trial in run.trials), run.trials
