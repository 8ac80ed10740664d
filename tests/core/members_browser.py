"""A member of a business before the dashboard, as a browser."""

import re

PASSWORD = "a sentence that nobody guesses"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7 * 7 }}"
PAGE = {"Accept": "text/html"}


class Member:
    """A browser of a member: keeps cookies, sends what browsers send, finds the token in the page that it shows."""

    def __init__(self, front, domain, email, session):
        self.client, self.domain, self.email = front.client(**PAGE), domain, email
        self.origin = {"Origin": front.base}
        self.base = f"/app/{domain.id}"
        self.text = ""
        if session:
            self.client.cookies.set("omniops_session", session)

    async def open(self, path, status=200):
        answer = await self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:300])
        self.text = answer.text
        return answer

    async def send(self, path, fields=None, *, token=None, headers=None):
        found = re.search(r'name="token" value="(\w+)"', self.text)
        own = found[1] if found and token is None else token or ""
        self.client.headers.pop("Origin", None)
        return await self.client.post(
            path, data={"token": own, **(fields or {})}, headers=self.origin if headers is None else headers
        )

    async def sign_in(self, place="/app", **fields):
        data = {"email": self.email, "password": PASSWORD, "next": place, **fields}
        return await self.client.post("/app/sign-in", data=data, headers=self.origin)

    async def talk(self, conversation):
        await self.open(f"{self.base}/inbox/{conversation}")
        return f"{self.base}/inbox/{conversation}"
