"""A plugin that reaches behind the public names."""

from omniops import Info, Plugin
from omniops.database.models import AccountModel  # noqa: F401


class Private(Plugin):
    """A sample."""

    info = Info(title="Sample", version="1.0", omniops=">=0.1,<0.2")
