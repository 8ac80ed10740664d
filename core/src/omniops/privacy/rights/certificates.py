"""The completion certificate of a case: what was asked, when, and how each place answered; signed, naming nobody."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from omniops.privacy.rights.models import RightsCase, RightsTask
from omniops.signing import Signer, holds

FORMAT = "omniops-rights-certificate-1"
USE = "rights certificate"


def certified(signer: Signer, case: RightsCase, tasks: Sequence[RightsTask], at: datetime) -> dict[str, Any]:
    """The certificate with its signature: Ed25519 over `statement` as JSON with sorted keys, no spaces, in UTF-8."""
    statement = {
        "format": FORMAT,
        "case": str(case.id),
        "reference": case.reference,
        "right": case.right,
        "identity": case.identity,
        "outcome": case.outcome,
        "refusal": case.refusal,
        "received_at": case.received_at.isoformat(),
        "due_at": case.due_at.isoformat(),
        "closed_at": at.isoformat(),
        "tasks": [
            {"store": one.store, "state": one.state, "code": one.code, "evidence": one.evidence} for one in tasks
        ],
    }
    return {
        "statement": statement,
        "public_key": base64.b64encode(signer.public_bytes).decode(),
        "signature": base64.b64encode(signer.sign_bytes(_bytes(statement))).decode(),
    }


def genuine(certificate: Mapping[str, Any], public: bytes) -> bool:
    """Whether a certificate was signed under this public key and not changed since."""
    try:
        signature = base64.b64decode(certificate["signature"], validate=True)
        return holds(public, signature, _bytes(certificate["statement"]))
    except (KeyError, TypeError, ValueError, binascii.Error):
        return False


def _bytes(statement: Any) -> bytes:
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
