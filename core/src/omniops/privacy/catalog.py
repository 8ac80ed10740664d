"""Core's own purposes, categories and retention classes. Plugins add theirs by `declares()`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from omniops.audit.service import KEPT_DAYS
from omniops.contracts.declaration import Assessment, Category, Cookie, Declaration, Purpose, Retention
from omniops.errors import ConfigError
from omniops.privacy import assessments

T = TypeVar("T")


def _ours(key: str, title: str, weighed: Assessment, *, refusable: bool = False) -> Purpose:
    """One of the four purposes that rest on our interests: people may object to each."""
    return Purpose(key, title, "legitimate_interests", objectable=True, assessment=weighed, refusable=refusable)


PURPOSES = (
    Purpose("chat.serve", "Showing the chat", "contract"),
    Purpose("chat.receive", "Taking in what a person wrote", "contract", restricted_ok=True, within="chat.serve"),
    Purpose("chat.respond", "Answering a message", "contract", automated=True),
    Purpose("support.provide", "Helping a person with a request", "contract"),
    Purpose("account.manage", "Managing an account and its members", "contract"),
    Purpose("account.sign_in", "Checking a sign-in", "contract", within="account.manage"),
    Purpose("chat.remember", "Remembering the chat on the visitor's device", "consent"),
    Purpose("analytics", "Counting visits", "consent"),
    Purpose("advertising", "Measuring advertising", "consent"),
    Purpose("marketing", "Sending news and offers by e-mail", "consent", confirmed=True),
    Purpose("consent.keep", "Keeping and proving a person's choices", "legal_obligation", restricted_ok=True),
    Purpose("knowledge.crawl", "Reading the business's own public pages", "contract"),
    Purpose("knowledge.manage", "Keeping what a business knows", "contract"),
    Purpose("connection.use", "Using a connected system for the business", "contract"),
    Purpose("webhook.deliver", "Telling the business's own systems what happened", "contract"),
    Purpose("request.repeat", "Answering a repeated request as the first time", "contract"),
    _ours("knowledge.improve", "Finding what the pages leave unanswered", assessments.IMPROVE),
    _ours("security.protect", "Preventing abuse and fraud", assessments.SECURITY, refusable=True),
    _ours("faults.mend", "Finding and mending faults", assessments.FAULTS),
    _ours("terms.enforce", "Enforcing the terms of use", assessments.TERMS),
    Purpose("legal.defend", "Establishing or defending legal claims", "legal_obligation", restricted_ok=True),
    Purpose(
        "breach.handle",
        "Telling people of a breach of their data",
        "legal_obligation",
        restricted_ok=True,
        every_mark=True,
    ),
    Purpose(
        "rights.answer",
        "Answering a request about a person's own data",
        "legal_obligation",
        restricted_ok=True,
        every_mark=True,
    ),
)

CATEGORIES = (
    Category("contact.email", "E-mail address", "identifiers", fact=True),
    Category("contact.name", "Name", "identifiers", fact=True),
    Category("contact.company", "Company that a person works for", "employment"),
    Category("contact.note", "What the business itself noted of a person", "customer_records"),
    Category("contact.channel", "Address in a messaging channel", "identifiers"),
    Category("contact.external_id", "Customer number at the business", "identifiers"),
    Category("contact.identifier", "What an outside system knows a person by, until it erased it", "identifiers"),
    Category("account.credential", "Password, as a hash", "customer_records", sensitive=True),
    Category("user.content.chat", "Chat messages", "customer_records"),
    Category("user.content.file", "Files that a person sent", "customer_records"),
    Category("usage.page", "Pages and clicks", "internet_activity"),
    Category("usage.device", "Kind of device, browser and operating system", "internet_activity"),
    Category("usage.network", "Network, a shortened address", "identifiers"),
)

CHOICE_DAYS = 180
"""How long a browser keeps its visitor's choices; after that the visitor is asked again."""

PROOF_DAYS = 1095 + CHOICE_DAYS
"""How long an answer can be proven: while its yes may last, and three years after, in which a claim from it becomes
time-barred (Art. 7(1) GDPR; §§ 195, 199 BGB; EDPB Guidelines 05/2020, 5.1: no longer than a claim needs it)."""

AUDIT_DAYS = KEPT_DAYS
"""How long the audit's entries stay; the signed roots of those that went stay for ever."""

MOST_AGE = timedelta(days=3 * 365)
"""After how long at most an assessment of legitimate interests is to be looked at again."""

ACCOUNT_DAYS_AFTER = 730
"""How long a closed account is kept, restricted, before all of it goes."""
RETENTION = (
    Retention("chat", "Conversations", 90),
    Retention("mail", "Mail that was sent", 30),
    Retention("intake", "What connected systems told, for working it through again", 14),
    Retention("content", "Website content, until a visit replaces it", None),
    Retention("analytics", "Page views and clicks", 180),
    Retention("account", "Accounts and their members, and two years after they are closed", None),
    Retention("audit", "Access log, and the record of what was deleted", AUDIT_DAYS, least=AUDIT_DAYS),
    Retention("security", "What left through the gate, for whom and where to", 365, least=30),
    Retention("requests", "Requests, legal holds and their handling", 1095, least=1095),
    Retention("choices", "Browsers whose visitor made choices", CHOICE_DAYS),
    Retention("consent", "Answers to privacy choices, as proof of them", PROOF_DAYS, least=PROOF_DAYS),
    Retention("session", "Sessions and one-time links, once they are over", 0, least=0),
)
"""Consents, the audit, requests and holds prove what was done with data and why: a business cannot shorten them."""

COOKIES = (
    Cookie(
        "omniops:<key>:consent",
        "consent.keep",
        CHOICE_DAYS,
        "Your answers to the privacy choices. A random number stands beside them only after a yes; where the website "
        "has a consent manager of its own, a checksum of what it last said.",
        "local_storage",
    ),
    Cookie(
        "omniops:keys",
        "account.sign_in",
        365,
        "The wish of a member for no shortcuts in the dashboard, as the time when it was said. No visitor gets it.",
        "local_storage",
    ),
    Cookie("omniops_session", "account.sign_in", 14, "The sign-in of a member of the business. No visitor gets it."),
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything that is declared, by key: by core and by the plugins that are loaded."""

    purposes: Mapping[str, Purpose]
    categories: Mapping[str, Category]
    retention: Mapping[str, Retention]
    cookies: Sequence[Cookie] = COOKIES

    @classmethod
    def build(
        cls, declarations: Iterable[tuple[str, Declaration]] = (), weighed: Mapping[str, Assessment] | None = None
    ) -> Catalog:
        """Joins core's declarations with the plugins'. `weighed` are the operator's own assessments, by purpose; they
        win. Raises `ConfigError` naming the plugin that contradicts, or the purpose that nobody weighed."""
        purposes = {p.key: p for p in PURPOSES}
        categories = {c.key: c for c in CATEGORIES}
        retention = {r.key: r for r in RETENTION}
        cookies = list(COOKIES)
        for plugin, declaration in declarations:
            for purpose in declaration.purposes:
                for alone in ("every_mark", "refusable"):
                    if getattr(purpose, alone):
                        raise ConfigError(
                            f"Plugin {plugin!r} declares {purpose.key!r} with {alone}, which is core's alone."
                        )
                _add(plugin, "purpose", purposes, purpose.key, purpose)
            for category in declaration.categories:
                _add(plugin, "category", categories, category.key, category)
            for rule in declaration.retention:
                _add(plugin, "retention class", retention, rule.key, rule)
            for processor in declaration.processors:
                _known(plugin, "purpose", processor.purposes, purposes)
                _known(plugin, "category", processor.categories, categories)
            for cookie in declaration.cookies:
                _known(plugin, "purpose", [cookie.purpose], purposes)
                cookies.append(cookie)
        return cls(_weighed(purposes, weighed or {}), categories, retention, tuple(cookies))

    def purpose_title(self, key: str) -> str:
        """What a purpose is called; its key where nobody declares it."""
        return self.purposes[key].title if key in self.purposes else key

    def category_title(self, key: str) -> str:
        """What a kind of data is called; its key where nobody declares it."""
        return self.categories[key].title if key in self.categories else key

    def choices(self) -> Sequence[Purpose]:
        """The purposes that a person may say yes or no to."""
        return [purpose for purpose in self.purposes.values() if purpose.basis == "consent"]


def _weighed(purposes: Mapping[str, Purpose], own: Mapping[str, Assessment]) -> dict[str, Purpose]:
    """The purposes, those on legitimate interests each with its assessment."""
    if strange := [key for key in own if key not in purposes or purposes[key].basis != "legitimate_interests"]:
        raise ConfigError(
            f"The setting `assessments` names {strange[0]!r}, which rests on no legitimate interest.",
            do="Name a purpose of `omniops privacy register record` whose basis is legitimate interests.",
        )
    found = {key: replace(purpose, assessment=own.get(key, purpose.assessment)) for key, purpose in purposes.items()}
    for purpose in found.values():
        if purpose.basis == "legitimate_interests" and (problem := _unweighed(purpose.assessment)):
            raise ConfigError(
                f"The purpose {purpose.key!r} rests on legitimate interests, and {problem}.",
                do="Weigh the interest against the people's: `Purpose(assessment=…)`, or the setting `assessments`.",
            )
    return found


def _unweighed(one: Assessment | None) -> str:
    """What an assessment lacks, in words; empty where it is one. Whether it is out of date is asked at each opening."""
    if one is None:
        return "nobody weighed them against the people's"
    if empty := [name for name in ("author", "interest", "need", "balance") if not getattr(one, name).strip()]:
        return f"its assessment says nothing of {empty[0]}"
    if not one.made_on <= one.review_by <= one.made_on + MOST_AGE:
        return f"its assessment of {one.made_on} is not to be reviewed within {MOST_AGE.days // 365} years"
    return ""


def may_be_shut(purpose: Purpose) -> bool:
    """Whether a person may have it shut, and a child's age shuts it: what is automated, optional or objectable."""
    return purpose.automated or purpose.objectable or purpose.basis == "consent"


def _add(plugin: str, what: str, known: dict[str, T], key: str, value: T) -> None:
    if key in known and known[key] != value:
        raise ConfigError(f"Plugin {plugin!r} declares the {what} {key!r} differently from how it is declared already.")
    known[key] = value


def _known(plugin: str, what: str, keys: Iterable[str], known: Mapping[str, object]) -> None:
    for key in keys:
        if key not in known:
            raise ConfigError(f"Plugin {plugin!r} names the {what} {key!r}, which nobody declares.")
