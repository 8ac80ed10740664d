"""What the mailer makes of a mail, and of Resend's answers."""

import json
from typing import Any, ClassVar

import httpx2
import pytest
from fake_resend import KEY, Resend, refused
from omniops.contracts.mail import Attachment, OutgoingMail
from omniops.errors import NotReady, Permanent, Reconnect
from omniops.testing import AnsweringGate, PluginSuite, context
from omniops.testing.upstream import Answer, Exchange
from omniops_resend import ResendPlugin
from omniops_resend.settings import ResendSettings
from pydantic import SecretStr, ValidationError

SET = {"api_key": KEY, "sender": "service@shop.example"}


class TestResend(PluginSuite):
    plugin_name = "resend"
    settings: ClassVar[dict[str, Any]] = SET


class TestResendNotSetUp(PluginSuite):
    plugin_name = "resend"


@pytest.fixture
def resend():
    return Resend()


@pytest.fixture
def gate(resend):
    def answered(request):
        exchange = Exchange(request.method, request.url.raw_path.decode(), dict(request.headers), request.content)
        answer = resend.answer(exchange)
        if answer.before:
            raise httpx2.ReadError("the answer was lost", request=request)
        return httpx2.Response(answer.status, content=b"".join(answer.steps), headers=dict(answer.headers))

    return AnsweringGate(answered, processors=["resend"])


@pytest.fixture
def mailer(gate, tmp_path):
    (made,) = ResendPlugin(context("resend", ResendSettings(**SET), folder=tmp_path, gate=gate)).mailers()
    return made


def mail(**changes):
    values = {
        "idempotency_key": "0f" * 16,
        "to": "ada@visitor.example",
        "from_name": "Shop & Söhne, GmbH",
        "subject": "Ihr Gespräch",
        "text": "Grüße\n",
        "html": "<p>Grüße</p>",
        "purpose": "support.provide",
        "categories": ("contact.email",),
    }
    return OutgoingMail(**values | changes)


async def test_a_mail_is_sent_as_it_was_meant_and_once(mailer, resend):
    whole = mail(ai=True, attachments=[Attachment("Gespräch.txt", "text/plain", b"all of it")])
    delivery = await mailer.send(whole)
    assert (delivery.state, delivery.reference) == ("sent", resend.keys["0f" * 16][1])
    assert await mailer.send(whole) == delivery, "a second try gives the same"
    (sent,) = resend.mails
    assert sent == {
        "from": '"Shop & Söhne, GmbH" <service@shop.example>',
        "to": ["ada@visitor.example"],
        "subject": "Ihr Gespräch",
        "text": "Grüße\n",
        "html": "<p>Grüße</p>",
        "headers": {"Auto-Submitted": "auto-generated", "X-AI-Generated": "yes"},
        "attachments": [{"filename": "Gespräch.txt", "content": "YWxsIG9mIGl0", "content_type": "text/plain"}],
    }
    await mailer.send(mail(idempotency_key="1f" * 16))
    assert resend.mails[1]["headers"] == {"Auto-Submitted": "auto-generated"}


@pytest.mark.parametrize("purpose", ["marketing", "advertising", "account.manage", "chat.respond", ""])
async def test_marketing_and_every_other_purpose_is_refused_before_anything_leaves(mailer, gate, purpose):
    with pytest.raises(Permanent, match=r"no marketing" if purpose in ("marketing", "advertising") else "purpose"):
        await mailer.send(mail(purpose=purpose))
    assert gate.requests == []


@pytest.mark.parametrize(
    ("status", "name", "meaning"),
    [
        (400, "validation_error", Permanent),
        (401, "missing_api_key", Reconnect),
        (403, "invalid_api_key", Reconnect),
        (403, "validation_error", Reconnect),
        (409, "invalid_idempotent_request", Permanent),
        (409, "concurrent_idempotent_requests", NotReady),
        (422, "invalid_from_address", Permanent),
        (451, "security_error", Permanent),
        (429, "rate_limit_exceeded", NotReady),
        (429, "monthly_quota_exceeded", NotReady),
        (500, "internal_server_error", NotReady),
        (302, "elsewhere", Permanent),
    ],
)
async def test_each_answer_has_one_meaning(mailer, resend, status, name, meaning):
    resend.faults.append(refused(status, name, **{"Retry-After": "7"} if status == 429 else {}))
    with pytest.raises(meaning) as raised:
        await mailer.send(mail())
    assert type(raised.value) is meaning
    assert "ada@" not in str(raised.value), "Resend's words are not repeated"
    if status == 429:
        assert raised.value.retry_after == 7


async def test_an_answer_that_says_nothing_or_does_not_come_is_tried_again(mailer, resend):
    for strange in (b"<html>", b"[]", b"{}", b'{"id": 7}'):
        resend.faults.append(Answer([strange], 200))
        with pytest.raises(NotReady):
            await mailer.send(mail())
    resend.lost = 1
    with pytest.raises(NotReady):
        await mailer.send(mail())
    await mailer.send(mail())
    assert len(resend.mails) == 1


async def test_what_resend_tells_beyond_its_id_is_not_taken(mailer, resend):
    resend.faults.append(Answer([json.dumps({"id": "7", "to": "ada@visitor.example"}).encode()], 200))
    delivery = await mailer.send(mail())
    assert str(delivery) == "Delivery(state='sent', reference='7')"


async def test_nobody_bends_the_mail(mailer, resend, gate):
    for to in ("", "nobody", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example"):
        with pytest.raises(Permanent):
            await mailer.send(mail(to=to))
    assert gate.requests == []
    await mailer.send(mail(from_name='Eve" <eve@evil.example>\r\nBcc: x@y.example', subject="a\r\nBcc: x@y.example"))
    (sent,) = resend.mails
    assert sent["from"].endswith(" <service@shop.example>")
    assert "\n" not in sent["from"] + sent["subject"]
    assert '\\"' in sent["from"], "a quote in a name ends no name"


def test_without_a_key_and_an_address_of_its_own_it_sends_nothing(gate, tmp_path):
    for missing in SET:
        settings = ResendSettings(**{name: value for name, value in SET.items() if name != missing})
        assert ResendPlugin(context("resend", settings, folder=tmp_path, gate=gate)).mailers() == ()


@pytest.mark.parametrize("url", ["http://api.resend.com", "https://u:p@api.resend.com", "https://api.resend.com/x"])
def test_an_address_that_is_none_of_an_api_is_refused(url):
    with pytest.raises(ValidationError):
        ResendSettings(api_key=SecretStr(KEY), base_url=url)
