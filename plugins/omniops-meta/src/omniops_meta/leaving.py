"""Meta's callbacks when somebody takes access back (deauthorize) or asks for deletion: who sent it, and the answer.

They name who gave the access, by the id that Meta made of them for the app. People who only write to a business never
gave the app anything: for them each business's own page counts.

See https://developers.facebook.com/docs/facebook-login/guides/advanced/deauthorize and
https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from omniops.contracts.webhook import Arrived, Event, Received, Reply, RightUsed, Webhook, check_signature
from omniops.errors import Rejected

from omniops_meta.moments import moment
from omniops_meta.settings import MetaSettings

FORM = "application/x-www-form-urlencoded"
ENDED: Final = "access.ended"
"""The event that whoever gave a connection's access took it back."""
DEAUTHORIZE = "deauthorize"
"""What `callback` is in the address that the operator enters for that callback."""


def left(webhook: Webhook, settings: MetaSettings, integration: str) -> Received:
    """What a callback tells of who gave access. One for a deletion is answered with a code, and where a person reads
    what became of it; who wants to be deleted has taken the access back as well. Raises `Rejected`."""
    said = _opened(webhook, settings)
    user, at = str(said["user_id"]), said.get("issued_at")
    code = _code(f"{user}:{at}", settings)
    ended = Arrived(Event(f"ended:{code}", ENDED), granted_by=user)
    if webhook.query.get("callback") == DEAUTHORIZE:
        return Received([ended])
    asked = RightUsed(code, "erasure", {}, moment(at) if isinstance(at, int | float) else None)
    url = urlsplit(webhook.url)
    page = f"{url.scheme}://{url.netloc}/rights/told/{integration}/{code}"
    reply = Reply(json.dumps({"url": page, "confirmation_code": code}), "application/json")
    return Received([Arrived(asked, granted_by=user), ended], reply)


def _opened(webhook: Webhook, settings: MetaSettings) -> Mapping[str, Any]:
    """The payload of `signed_request`, which is signed as it is encoded."""
    form = parse_qs(webhook.body.decode("ascii", "replace"))
    signature, _, payload = "".join(form.get("signed_request", ())).partition(".")
    try:
        given = _decoded(signature).hex()
    except (ValueError, binascii.Error) as error:
        raise Rejected("The signature does not fit.", code="bad_signature") from error
    check_signature(settings.secrets, payload.encode(), given)
    try:
        said = json.loads(_decoded(payload))
    except (ValueError, binascii.Error) as error:
        raise Rejected("The signed request cannot be read.", code="bad_delivery") from error
    if not isinstance(said, dict) or said.get("algorithm") != "HMAC-SHA256" or not said.get("user_id"):
        raise Rejected("The signed request names no algorithm or nobody.", code="bad_delivery")
    return said


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _code(about: str, settings: MetaSettings) -> str:
    """The same for the same request, and nothing that anybody could guess. There is a secret: one has signed."""
    secret = next(one.get_secret_value() for one in settings.secrets if one is not None and one.get_secret_value())
    return hmac.new(secret.encode(), f"deletion:{about}".encode(), hashlib.sha256).hexdigest()[:24]
