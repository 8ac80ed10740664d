"""What Meta sends when somebody takes access back or asks for deletion."""

import base64
import hashlib
import hmac
import json

from graph import SECRET

ASKED = {"user_id": "218471", "algorithm": "HMAC-SHA256", "issued_at": 1291836800}


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def request(payload, *, secret=SECRET):
    part = encoded(json.dumps(payload).encode())
    return f"{encoded(hmac.new(secret.encode(), part.encode(), hashlib.sha256).digest())}.{part}"


async def called_back(app, user, *, deauthorize=False, at="meta-messenger", issued_at=None):
    """Meta's callback about somebody, and everything that follows happens."""
    asked = {**ASKED, "user_id": user, "issued_at": issued_at or int(app.clock.now().timestamp())}
    query = {"callback": "deauthorize"} if deauthorize else {}
    answer = await app.http.post(f"/webhooks/{at}", params=query, data={"signed_request": request(asked)})
    assert answer.status_code == 200, answer.text
    await app.work()
    return answer
