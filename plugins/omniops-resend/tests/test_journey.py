"""Mail of a whole server, through its gate and over TLS."""

from uuid import uuid4

from fake_resend import refused
from omniops.mail.service import KINDS
from omniops.operations.proving import prove
from omniops_resend.mailer import PURPOSES
from omniops_resend.proving import NoMarketing


async def send(office, **more):
    given = {"to": "ada@visitor.example", "kind": "link", "subject": "Your link", "text": "Here it is", "key": "k"}
    return await office.runtime.mail.send(office.scope, **given | {"key": uuid4().hex} | more)


async def work(office):
    await office.runtime.jobs.work(wait=False)


async def again(office):
    office.clock.forward(minutes=20)
    office.rows("update jobs.procrastinate_jobs set scheduled_at = null where task_name = 'mail:deliver'")
    await work(office)


async def test_a_mail_of_the_server_goes_out_and_marketing_does_not(office, postgres):
    await send(office)
    await work(office)
    (mail,) = office.resend.mails
    assert (mail["from"], mail["to"], mail["subject"]) == (
        "Shop <service@shop.example>",
        ["ada@visitor.example"],
        "Your link",
    )
    assert "Here it is" in mail["text"]
    assert "Here it is" in mail["html"]
    assert office.states() == [("sent", None, True)]
    assert "ada@visitor.example" not in office.everything(), "whom it went to lies nowhere in clear"

    run = await prove(office.runtime, postgres.root, claim="P95", sabotage=True)
    assert [(one.probe, one.state) for one in run.outcomes] == [(NoMarketing.__name__, "proved")], run.outcomes
    assert all(trial.good for trial in run.trials), run.trials


async def test_what_is_sent_while_resend_is_away_arrives_once(office):
    office.resend.faults.extend([refused(503, "internal_server_error"), refused(429, "daily_quota_exceeded")])
    office.resend.lost = 1
    await send(office)
    await work(office)
    for _ in range(3):
        assert office.states() == [("waiting", None, False)]
        await again(office)
    assert office.states() == [("sent", None, True)]
    assert len(office.resend.mails) == 1, "the one whose answer was lost is the same"
    assert office.resend.calls == 4


def test_every_kind_of_mail_that_core_sends_is_sent_and_nothing_else():
    assert set(PURPOSES) == {kind.purpose for kind in KINDS.values()}
