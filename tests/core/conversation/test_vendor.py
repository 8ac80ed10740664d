"""The table of errors that vendors share: what may be tried again, where, and what of the vendor's words is told."""

from datetime import date

import pytest
from omniops.contracts.provider import Deployment
from omniops.contracts.vendor import account, endings, failure, kind_of, seconds


@pytest.mark.parametrize(
    ("kind", "more", "retry", "scope"),
    [
        ("rate_limit", {"retry_after": 0.5}, "same", "deployment"),
        ("rate_limit", {"retry_after": 2.0}, "other", "deployment"),
        ("rate_limit", {}, "other", "deployment"),
        ("connection", {"begun": False}, "same", "deployment"),
        ("connection", {}, "other", "deployment"),
        ("malformed", {"begun": False}, "other", "deployment"),
        ("auth", {}, "other", "account"),
        ("quota", {}, "other", "account"),
        ("model", {}, "other", "deployment"),
        ("invalid", {}, "never", "request"),
        ("context_length", {}, "other", "request"),
        ("residency", {}, "never", "request"),
        ("residency", {"scope": "deployment"}, "never", "deployment"),
    ],
)
def test_a_kind_says_what_may_be_tried_again_and_what_is_broken(kind, more, retry, scope):
    error = failure("The vendor", kind, **more)
    assert (error.kind, error.retry, error.scope) == (kind, retry, scope)


def test_only_a_plain_word_of_the_vendors_is_repeated():
    assert str(failure("The vendor", "server", code="api_error")) == "The vendor had an error of its own (api_error)."
    quoted = failure("The vendor", "server", code="jane@example.com wrote: hello", status=500)
    assert str(quoted) == "The vendor had an error of its own (500)."
    assert quoted.code == ""


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "auth"), (404, "model"), (418, "invalid"), (429, "rate_limit"), (500, "server"), (529, "overloaded")],
)
def test_a_status_means_something_by_itself(status, kind):
    assert kind_of(status) == kind


@pytest.mark.parametrize(
    ("said", "meant"),
    [("7", 7.0), ("0.5", 0.5), (None, None), ("soon", None), ("-3", None), ("nan", None), ("inf", None)],
)
def test_retry_after_is_a_number_or_nothing(said, meant):
    assert seconds(said) == meant


def test_an_account_tells_nothing_of_its_key():
    assert account("sk-one") != account("sk-two")
    assert "sk" not in account("sk-one")


def test_a_model_that_ends_is_told_before_and_fails_from_its_day():
    models = [
        Deployment("v/old", "v", "old", "eu", "v", retires=date(2026, 12, 1)),
        Deployment("v/new", "v", "new", "eu", "v"),
    ]
    assert endings(models, date(2026, 9, 1), "v.models") is None
    soon = endings(models, date(2026, 11, 30), "v.models")
    assert (soon.ok, soon.said) == (True, "old ends on 2026-12-01: take another in `v.models`.")
    assert not endings(models, date(2026, 12, 1), "v.models").ok
