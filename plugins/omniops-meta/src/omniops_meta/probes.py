"""What proves that only messages are taken from WhatsApp, Messenger and Instagram, and only with Meta's signature."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, ClassVar

from omniops.contracts.channel import Incoming
from omniops.contracts.proof import Probe, Sabotage, Stage, Waits, hold
from omniops.contracts.webhook import Arrived, Webhook

KINDS = {
    "meta-whatsapp": "whatsapp_business_account",
    "meta-messenger": "page",
    "meta-instagram": "instagram",
    "meta-instagram-login": "instagram",
}
_SUMS = {
    "domain_id", "id", "connection_id", "campaign", "name", "day", "currency", "spend", "impressions", "reach",
    "clicks", "results", "read_at",
}  # fmt: skip
NOBODYS = "100000000000000"
"""An id of no connection: nothing that the probe sends is anybody's."""


class MessagesOnly(Probe):
    """Messages without Meta's signature, and signed ones with fields of a profile, at all four addresses."""

    claims = ("P26",)
    sabotages: ClassVar[tuple[Sabotage, ...]] = (
        Sabotage("omniops_meta.webhooks:check_signature", "the check of the signature", lambda _: _believes),
        Sabotage("omniops_meta.whatsapp:read", "the list of fields", lambda read: _nosy(read)),
    )

    async def run(self, stage: Stage) -> str:
        plugin = stage.runtime.loaded("meta").plugin
        secret = plugin.context.settings.app_secret
        if secret is None or not secret.get_secret_value():
            raise Waits("the secret of the operator's app at Meta")
        planted: list[str] = []
        for integration in plugin.integrations():
            if integration.name not in KINDS:
                continue
            words, told = _told(stage, KINDS[integration.name])
            planted += words
            body = json.dumps(told).encode()
            await _strangers(stage, integration.name, body)
            signature = f"sha256={hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()}"
            await _taken(stage, integration.name, body, signature)
            headers = [("x-hub-signature-256", signature)]
            webhook = Webhook("POST", "", headers, {}, body, stage.runtime.clock.now())
            seen = repr(integration.receive(webhook, None).things)
            hold("What is asked?" in seen, f"{integration.name}: the message itself was not read.")
            kept = [word for word in words if word in seen]
            hold(not kept, f"{integration.name}: {len(kept)} of {len(words)} fields of a profile were read.")
        found = await stage.scan(planted)
        hold(not found, f"{len(found)} fields of a profile lie in the database or the log.")
        return (
            f"At {len(KINDS)} addresses, messages without a signature and with a wrong one were refused; of signed "
            f"ones the words were read, and none of {len(planted)} other fields."
        )


class SumsOnly(Probe):
    """Rows of a report that hold addresses and ids of single persons, read as every report is."""

    claims = ("P28",)
    sabotages: ClassVar[tuple[Sabotage, ...]] = (
        Sabotage("omniops_meta.ads_reading:rows", "the list of fields of a report", lambda _: _everybody),
        Sabotage("omniops_meta.ads_reading:Row.name", "what is cut out of names", lambda _: property(_whole_name)),
    )

    async def run(self, stage: Stage) -> str:
        from omniops_meta import ads_reading
        from omniops_meta.models import MetaInsight

        words = [stage.token(field) for field in ("email", "psid", "lead", "count")]
        email, psid, lead, count = words
        day = {"date_start": "2026-01-01", "date_stop": "2026-01-01", "account_currency": "EUR", "campaign_id": "1"}
        person = {"email": f"{email}@omniops.example", "psid": psid, "age": "25-34"}
        actions = [{"action_type": lead, "value": "1", "user": psid}, {"action_type": "lead", "value": "2"}]
        told: Sequence[Mapping[str, Any]] = [
            {**day, "campaign_name": f"Tents {email}@omniops.example", "clicks": "4", "actions": actions, **person},
            {**day, "clicks": count},
        ]
        kept = [
            MetaInsight(
                domain_id=stage.domain.id,
                connection_id=stage.domain.id,
                campaign=row.campaign_id,
                name=row.name,
                day=row.date_start,
                currency=row.account_currency,
                spend=row.spend,
                impressions=row.impressions,
                reach=row.reach,
                clicks=row.clicks,
                results=row.results,
            )
            for row in ads_reading.rows(told)
        ]
        seen = repr([(one.model_dump(), getattr(one, "__dict__", {})) for one in kept])
        hold(
            any(one.clicks == 4 and one.results == {"lead": "2"} for one in kept), "The sums themselves were not read."
        )
        found = [word for word in words if word in seen]
        hold(not found, f"{len(found)} of {len(words)} words about single persons would be stored.")
        columns = set(MetaInsight.model_fields) - _SUMS
        hold(not columns, f"The table has columns that are no sums: {', '.join(sorted(columns))}.")
        return f"Of reports with {len(words)} words about single persons the sums were read and none of the words."


async def _strangers(stage: Stage, kind: str, body: bytes) -> None:
    for headers in ({}, {"x-hub-signature-256": ""}, {"x-hub-signature-256": f"sha256={'0' * 64}"}):
        async with stage.http() as http:
            answer = await http.post(f"/webhooks/{kind}", content=body, headers=headers)
        hold(answer.status_code == 401, f"{kind} answers {answer.status_code} to a message that Meta did not sign.")


async def _taken(stage: Stage, kind: str, body: bytes, signature: str) -> None:
    async with stage.http() as http:
        answer = await http.post(f"/webhooks/{kind}", content=body, headers={"x-hub-signature-256": signature})
    hold(answer.status_code == 200, f"{kind} answers {answer.status_code} to a message with the right signature.")


def _told(stage: Stage, about: str) -> tuple[Sequence[str], Mapping[str, Any]]:
    """Words that are planted, and a delivery that holds them beside a message."""
    words = [stage.token(field) for field in ("name", "username", "picture", "email", "gender", "locale", "referral")]
    profile = dict(zip(("name", "username", "profile_pic", "email", "gender", "locale"), words, strict=False))
    if about == "whatsapp_business_account":
        message = {"id": "wamid.proof", "from": "15550000000", "timestamp": "1790000000", "type": "text"}
        value = {
            "metadata": {"phone_number_id": NOBODYS},
            "contacts": [{"wa_id": "15550000000", "profile": profile}],
            "messages": [{**message, "text": {"body": "What is asked?"}, "referral": {"headline": words[-1]}}],
        }
        return words, {"object": about, "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}
    written: dict[str, Any] = {
        "mid": "m_proof",
        "text": "What is asked?",
        "referral": {"ref": words[-1]},
        "profile": profile,
    }
    sender = {"id": "2000", **profile}
    event = {"sender": sender, "recipient": {"id": NOBODYS}, "timestamp": 1790000000000, "message": written}
    return words, {"object": about, "entry": [{"id": NOBODYS, "messaging": [event]}]}


def _believes(*_: Any, **__: Any) -> None:
    """Takes every signature."""


def _nosy(read: Callable[[Mapping[str, Any]], Iterator[Arrived]]) -> Callable[[Mapping[str, Any]], Iterator[Arrived]]:
    """Reads the profiles as well."""

    def nosy(entry: Mapping[str, Any]) -> Iterator[Arrived]:
        profiles = json.dumps([change.get("value", {}).get("contacts") for change in entry.get("changes", ())])
        for arrived in read(entry):
            if isinstance(arrived.what, Incoming):
                yield replace(arrived, what=replace(arrived.what, about={"profile": profiles}))

    return nosy


def _everybody(found: Iterable[Mapping[str, Any]]) -> Sequence[Any]:
    """Takes rows of a report as they are."""
    return [
        SimpleNamespace(
            campaign_id="1",
            name=json.dumps(one),
            date_start=date(2026, 1, 1),
            account_currency="EUR",
            spend=Decimal(0),
            impressions=0,
            reach=0,
            clicks=4,
            results={"lead": "2"},
        )
        for one in found
    ]


def _whole_name(row: Any) -> str:
    """Names of campaigns as they are."""
    return str(row.campaign_name)
