"""Errors as Google writes them."""

from omniops.testing.upstream import Answer


class Refusal(Exception):
    """What a call gets that is refused."""

    def __init__(self, status, reason):
        super().__init__(reason)
        body = {"code": status, "message": reason, "errors": [{"domain": "global", "reason": reason}]}
        self.answer = Answer.json({"error": body}, status=status)


def refuse(status, reason):
    raise Refusal(status, reason)
