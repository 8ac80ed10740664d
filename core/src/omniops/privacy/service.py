"""The privacy room's door: what other rooms of its floor may ask of it."""

from omniops.privacy.catalog import ANALYTICS_DAYS, Catalog
from omniops.privacy.consents import Answer, Browser, Circumstances, Consents
from omniops.privacy.linking import first_known, same_person
from omniops.privacy.models import SubjectLink
from omniops.privacy.notices import Choice, Notice, cautions, choices
from omniops.privacy.rights.children import Children
from omniops.privacy.rights.letters import Letters
from omniops.privacy.rights.requests import Requests
from omniops.privacy.signals import Signal, jurisdiction, signal_of

__all__ = [
    "ANALYTICS_DAYS",
    "Answer",
    "Browser",
    "Catalog",
    "Children",
    "Choice",
    "Circumstances",
    "Consents",
    "Letters",
    "Notice",
    "Requests",
    "Signal",
    "SubjectLink",
    "cautions",
    "choices",
    "first_known",
    "jurisdiction",
    "same_person",
    "signal_of",
]
