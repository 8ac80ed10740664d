"""The privacy room's door: what other rooms of its floor may ask of it."""

from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Browser, Consents
from omniops.privacy.ledger import Answer, Circumstances
from omniops.privacy.linking import first_known, same_person
from omniops.privacy.models import SubjectLink
from omniops.privacy.notices import Choice, Notice, cautions, choices
from omniops.privacy.retention.holds import all_held
from omniops.privacy.retention.periods import Periods
from omniops.privacy.rights.children import ChildCases
from omniops.privacy.rights.letters import Letters
from omniops.privacy.rights.requests import Requests
from omniops.privacy.signals import Signal, forbids, jurisdiction, signal_of

__all__ = [
    "Answer",
    "Browser",
    "Catalog",
    "ChildCases",
    "Choice",
    "Circumstances",
    "Consents",
    "Letters",
    "Notice",
    "Periods",
    "Requests",
    "Signal",
    "SubjectLink",
    "all_held",
    "cautions",
    "choices",
    "first_known",
    "forbids",
    "jurisdiction",
    "same_person",
    "signal_of",
]
