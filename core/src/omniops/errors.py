"""Every error of OmniOps, so that one place says who raises what and what the reader can do.

OmniOpsError
├── ConfigError         a setting, file or folder is wrong; the operator must change it
├── NotReady            something is not there yet or is away; trying again later can work
│   └── Throttled       too many tries; `retry_after` says how long to wait
├── NotReachable        another machine or the database did not answer
├── Rejected            the input breaks a stated rule; sending it again cannot work
├── NotFound            no such thing, or it is not yours (the two are never told apart)
├── Refused             a door said no: the vault, the gate or a permission
│   ├── SecondFactorNeeded  the password fits, and a code is to follow
│   ├── EgressRefused   the gate's no: nothing was sent
│   └── RedactionFailed personal data could not be looked for: nothing was sent
├── Reconnect           credentials of an outside system no longer work; a person must connect again
├── Permanent           an outside system said no for good
└── PluginError         a plugin broke its contract; carries the plugin's name and the stage
"""

from __future__ import annotations


class OmniOpsError(Exception):
    """The base. `str(error)` is a whole sentence for people: what happened, where, what was found.

    `do` is the next step for the reader, or None where there is none. Neither ever holds personal data or secrets.
    """

    def __init__(self, message: str, *, do: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.do = do

    def __str__(self) -> str:
        return f"{self.message} {self.do}" if self.do else self.message


class ConfigError(OmniOpsError):
    """Settings, files or folders do not fit. Raised at start-up and by commands; exit code 3."""


class NotReady(OmniOpsError):
    """Try again later. `retry_after` is in seconds, or None when nobody knows."""

    def __init__(self, message: str, *, do: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, do=do)
        self.retry_after = retry_after


class OwnDoing(NotReady):
    """What has to end first is of our own; the other side did not fail."""


class Throttled(NotReady):
    """Tried too often in a while."""


class NotReachable(OmniOpsError):
    """A host, a database or a site did not answer. Exit code 4."""


class Rejected(OmniOpsError):
    """Input breaks a rule. `code` is stable and meant for programs; `where` names the field or place."""

    def __init__(self, message: str, *, code: str, where: str | None = None, do: str | None = None) -> None:
        super().__init__(message, do=do)
        self.code = code
        self.where = where


class NotFound(OmniOpsError):
    """There is no such thing in this scope. Says nothing about other scopes."""


class Refused(OmniOpsError):
    """A door said no. `reason` is a stable code such as `no_consent`, `restricted`, `unknown_purpose`."""

    def __init__(self, message: str, *, reason: str, do: str | None = None) -> None:
        super().__init__(message, do=do)
        self.reason = reason


class SecondFactorNeeded(Refused):
    """The password fits, and the member has a second factor. `ticket` is what their code is sent with."""

    def __init__(self, ticket: str) -> None:
        super().__init__(
            "The password fits; a code is needed as well.",
            reason="second_factor_needed",
            do="Send one of your authenticator app, or a recovery code.",
        )
        self.ticket = ticket


class EgressRefused(Refused):
    """The gate sent nothing: unknown processor, foreign host, bad address, TLS below 1.3, ledger not writable."""


class RedactionFailed(Refused):
    """Something that looks for personal data failed or took too long: the text was not sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="redaction_failed")


class Reconnect(OmniOpsError):
    """A connection's credentials were refused by the outside system; its owner must connect again."""


class Permanent(OmniOpsError):
    """An outside system refused for good (for example: the recipient does not exist). Never retried."""


class PluginError(OmniOpsError):
    """A plugin broke its contract. Reported by name and stage; the rest of the system goes on."""

    def __init__(self, message: str, *, plugin: str, stage: str, do: str | None = None) -> None:
        super().__init__(message, do=do)
        self.plugin = plugin
        self.stage = stage
