"""What every plugin must be."""

from typing import Any, ClassVar

from omniops.testing import PluginSuite


class TestMail(PluginSuite):
    plugin_name = "mail"
    settings: ClassVar[dict[str, Any]] = {
        "smtp_host": "smtp.example.com",
        "imap_host": "imap.example.com",
        "sender": "service@example.com",
        "countries": "DE, AT",
    }


class TestMailNotSetUp(PluginSuite):
    plugin_name = "mail"
