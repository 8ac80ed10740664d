"""The promise P25 holds on the whole application, and its proof turns red without what it rests on."""

from omniops.operations.proving import prove
from omniops_microsoft.proving import OnlyCalendarMailAndTeams


async def test_the_promise_holds_and_its_proof_can_fail(app, postgres):
    run = await prove(app.runtime, postgres.root, claim="P25", sabotage=True)
    assert [(outcome.probe, outcome.state) for outcome in run.outcomes] == [("OnlyCalendarMailAndTeams", "proved")], (
        run.outcomes
    )
    assert [trial.how for trial in run.trials] == [one.how for one in OnlyCalendarMailAndTeams.sabotages]
    assert all(trial.good for trial in run.trials), run.trials
