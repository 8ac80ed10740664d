"""The privacy room's door: what other rooms of its floor may ask of it."""

from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Browser, Consents
from omniops.privacy.ledger import Answer, Circumstances
from omniops.privacy.linking import first_known, same_person
from omniops.privacy.models import SubjectLink
from omniops.privacy.notices import Choice, Notice, cautions, choices
from omniops.privacy.retention.periods import Periods
from omniops.privacy.signals import Signal, forbids, jurisdiction, signal_of

__all__ = [
    "Answer",
    "Browser",
    "Catalog",
    "Choice",
    "Circumstances",
    "Consents",
    "Notice",
    "Periods",
    "Signal",
    "SubjectLink",
    "cautions",
    "choices",
    "first_known",
    "forbids",
    "jurisdiction",
    "same_person",
    "signal_of",
]
