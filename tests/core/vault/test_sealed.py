"""A sealed value gives nothing away, whatever is tried on it."""

import copy
import json
import pickle

import pytest
from omniops.contracts.sealed import Sealed, SealedMisuse, seal
from pydantic import BaseModel

TEXT = "anna@example.org"


@pytest.mark.parametrize(
    "attempt",
    [
        str,
        lambda s: f"{s}",
        lambda s: f"{s:>20}",
        lambda s: "%s" % s,  # noqa: UP031
        lambda s: s == TEXT,
        lambda s: s != TEXT,
        lambda s: s == s,
        lambda s: s < "b",
        lambda s: sorted([s, s]),
        lambda s: s in [TEXT],
        len,
        bool,
        list,
        bytes,
        hash,
        pickle.dumps,
        lambda s: json.dumps({"email": s}),
        lambda s: {s: 1},
    ],
)
@pytest.mark.parametrize("sealed", [seal(TEXT), Sealed(b"\x01" * 60)], ids=["waiting", "stored"])
def test_every_way_to_the_text_is_refused(attempt, sealed):
    with pytest.raises(TypeError) as caught:
        attempt(sealed)
    assert TEXT not in str(caught.value)


def test_its_representation_says_nothing():
    assert repr(seal(TEXT)) == "<sealed>"
    assert TEXT not in repr([seal(TEXT)])
    assert TEXT not in str({"email": seal(TEXT)})


def test_a_model_that_holds_one_cannot_be_dumped():
    class Out(BaseModel):
        email: Sealed[str]

    out = Out(email=seal(TEXT))
    assert TEXT not in repr(out)
    for dump in (out.model_dump_json, lambda: out.model_dump(mode="json"), out.model_dump):
        with pytest.raises((SealedMisuse, Exception)) as caught:
            dump()
        assert TEXT not in str(caught.value)


def test_a_copy_is_as_shut_as_the_original():
    sealed = seal(TEXT)
    assert copy.copy(sealed) is sealed
    assert copy.deepcopy(sealed) is sealed
