"""What a business and the operator agree on: the terms of the service and the data-processing agreement, as papers with
the operator's own data. The agreement's annex is the register's, so that nothing in it can be behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from omniops.privacy.papers import Cell, Paper, Section
from omniops.privacy.records import Operator, Records, who_of

VERSION, OF = "1", date(2026, 12, 1)
"""Of the words below. Raised with each change of what they mean; the register's part changes by itself."""
ANY_BUSINESS = "a business"
"""Who stands in the agreement where nobody in particular reads it."""

_TERMS: Sequence[tuple[str, str]] = (
    (
        "What is provided",
        "Answers to the visitors of your website and in the channels that you connect: by software from what your own "
        "pages and systems say, and by your people in the inbox. How the server is stands at /, whose "
        "software it runs at /licences.\n"
        "The software is OmniOps, under the Apache License 2.0. These terms are about the service on this server; what "
        "you may do with the software, its licence says, and nothing here takes any of it away.",
    ),
    (
        "Your account",
        "You name the people who work in your account and what each may do, keep passwords and API keys to "
        "yourselves, and tell us without delay when one of them is known to somebody else. What is done with them "
        "counts as done by you.",
    ),
    (
        "What you bring",
        "Your pages, documents, orders and conversations stay yours. You may use them here, and you let us process "
        "them for this service alone. They train no model of ours and are shown to no other business.",
    ),
    (
        "What you see to",
        "Your visitors are told that a machine may answer, which the chat does by itself, and where your privacy "
        "notice is. You use no channel to send what people did not ask for, and connect no system that you may not. "
        "An answer of a model can be wrong: cited passages, cuts and approval by a person are there to be used, and "
        "decisions that weigh on a person stay with people.",
    ),
    (
        "Data of people",
        "Of what your visitors write you are the controller, and we process it on your instructions under the "
        "data-processing agreement at /terms/agreement, which is part of these terms. Of your members' accounts and of "
        "the security of this server we decide ourselves; /privacy says how, and what of it is proved.",
    ),
    (
        "How well it runs",
        "We keep the service up to date and watched, and the page at / says how it is. No availability in numbers is "
        "promised here, and no price is asked here; where you and we have agreed on either, that agreement holds.",
    ),
    (
        "Who answers for what",
        "Each answers for damage as the law says, without limit for intent, gross negligence, injury to people and "
        "what the law lets nobody exclude. These terms add no exclusion to that.",
    ),
    (
        "The end",
        "You can leave at any time, and we can end an account with 30 days' notice, or at once for a grave breach that "
        "goes on after a warning. Until then you can take home all that is yours: conversations, copies about "
        "people, the audit. What happens to the data then, the data-processing agreement says.",
    ),
    (
        "Changes, and which law",
        "A new version is told to the owners and admins of each account 30 days ahead; who does not want it can leave "
        "until then. The law of the place where the operator is established applies, and what protects consumers at "
        "their own place stays as it is.",
    ),
)

_DUTIES: Sequence[tuple[str, str, str]] = (
    (
        "Art. 28(3)(a)",
        "The processor processes personal data on documented instructions of the controller alone, also where data "
        "goes to another country. It says so where a law binds it to more, and at once where it holds an instruction "
        "to be against the law.",
        "Instructions are the website's settings, what its members do, and what is connected, each on record in the "
        "account's audit. P29, P63, P83",
    ),
    (
        "Art. 28(3)(b)",
        "Who works with the data has promised to keep it in confidence, or is bound by law to.",
        "People see what their role needs, and every access is on record. P59, P63",
    ),
    (
        "Art. 28(3)(c)",
        "The processor takes the measures of Art. 32 that the annex lists, and does not lower them.",
        "Encryption at rest and on the way, separation of businesses, a log that cannot be changed unseen. "
        "P56, P57, P58, P60, P63",
    ),
    (
        "Art. 28(3)(d)",
        "The sub-processors of the annex are agreed to in general. A new one, a new country or a new kind of data is "
        "told first, and the controller may object; each is bound as the processor is, which answers for it.",
        "Before the time to object is over, nothing of a business reaches a new one; after an objection nothing ever "
        "does. P84, P97, P115",
    ),
    (
        "Art. 28(3)(e)",
        "The processor helps to answer people who ask for their rights under Chapter III.",
        "A page of rights for each website, with the clocks of the law; copies, corrections, erasure, locks and "
        "objections are carried out. P98, P99, P100, P101, P103",
    ),
    (
        "Art. 28(3)(f)",
        "The processor helps with security, with notices of a breach, with impact assessments and with asking the "
        "authority first (Arts. 32 to 36). Of a breach it tells the controller without undue delay.",
        "A breach is declared as a case with its facts, whom it touches, and the texts of notices. P120, P122, P123",
    ),
    (
        "Art. 28(3)(g)",
        "When the service ends the processor gives back all personal data and erases it, as the controller chooses, "
        "and keeps what a law of the Union or of a member state binds it to keep.",
        "All can be exported; an account that ended is locked, then destroyed with its keys. P80, P100",
    ),
    (
        "Art. 28(3)(h)",
        "The processor makes available all that shows that it keeps these duties, and allows for audits by the "
        "controller or an auditor whom it sends.",
        "The promises are tried by tests on this server, and the report is signed and public at /privacy. The "
        "account's audit can be exported and checked without this server. P63",
    ),
)


class Agreements:
    """Writes both for a reader."""

    def __init__(self, records: Records, operator: Operator) -> None:
        self._records = records
        self._operator = operator
        self._name = operator.name or "the operator of this server"

    def terms(self) -> Paper:
        """The terms between the operator and any business."""
        return Paper(
            "Terms for businesses",
            self._said("These terms bind", f"What {self._name} and a business owe each other."),
            _version("Terms of this server"),
            [
                who_of(self._operator.told("Operator")),
                *(Section(title, text) for title, text in _TERMS),
            ],
        )

    async def agreement(self, business: str = ANY_BUSINESS) -> Paper:
        """The data-processing agreement with a business, its annex included: the points of Art. 28(3) GDPR, each with
        how this server keeps it."""
        annex = await self._records.annex(business)
        duties: list[dict[str, Cell]] = [{"duty": duty, "point": point, "kept": kept} for point, duty, kept in _DUTIES]
        who, *rest = annex.sections
        return Paper(
            "Data-processing agreement",
            self._said(
                "This agreement binds",
                f"What {self._name} may do with the data of people that it processes for {business}.",
            ),
            _version("Art. 28(3) GDPR and UK GDPR, letters (a) to (h)"),
            [
                who,
                Section(
                    "Subject, length, nature and purpose",
                    "The processor answers the visitors of the controller and runs what the controller connected, for "
                    "as long as the account lasts. Whose data, which kinds and for what stands in the annex below: "
                    "Processing activities.",
                ),
                Section(
                    "Duties of the processor",
                    "Each with how it is kept on this server; P-numbers are the promises at /privacy with their proof.",
                    [("duty", "Duty"), ("point", "Point"), ("kept", "How it is kept")],
                    duties,
                ),
                Section(
                    "Duties of the controller",
                    "The controller sees to the right to process, tells its visitors, and gives instructions that the "
                    "law allows.",
                ),
                *(Section(f"Annex: {one.title}", one.text, one.columns, one.rows) for one in rest),
            ],
        )

    def _said(self, binds: str, statement: str) -> str:
        """The statement, where there is an operator to be bound."""
        if self._operator.name:
            return statement
        return f"{binds} nobody yet: whoever runs this server has not said its name."


def _version(basis: str) -> str:
    return f"{basis} · version {VERSION} of {OF.day} {OF:%B %Y}"
