"""What every plugin must be."""

from typing import Any, ClassVar

from omniops.mail.service import KINDS
from omniops.testing import PluginSuite, context
from omniops_mail import MailPlugin
from omniops_mail.settings import MailSettings


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


def test_every_kind_of_mail_that_core_sends_may_leave(tmp_path):
    settings = MailSettings(smtp_host="smtp.example.com", sender="service@example.com")
    (smtp,) = MailPlugin(context("mail", settings, folder=tmp_path)).declares().processors
    assert {kind.purpose for kind in KINDS.values()} <= set(smtp.purposes)
