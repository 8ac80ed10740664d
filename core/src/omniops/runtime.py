"""The composition root: builds rooms, plugins and contexts for web, worker, commands and tests. Nothing else constructs.

`Runtime.open(settings)` takes a database that is there and migrated; `prepare(settings)` brings it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from omniops.accounts.keys import Keys
from omniops.accounts.members import Members
from omniops.accounts.service import Accounts, DomainView
from omniops.accounts.throttle import Throttle
from omniops.audit.service import Audit
from omniops.connections.service import Connections, Kinds
from omniops.contracts.ids import Clock, SystemClock
from omniops.contracts.plugin import Log, PluginContext
from omniops.contracts.provider import Deployment, Provider
from omniops.contracts.scope import Actor, Scope
from omniops.conversation.answering import Answering
from omniops.conversation.intake import Intake
from omniops.conversation.messages import Reader
from omniops.conversation.outbox import Sender
from omniops.conversation.routing import Admits
from omniops.conversation.running import Running
from omniops.conversation.service import Conversations
from omniops.conversation.turns import Turns
from omniops.conversation.visitors import Visitors
from omniops.database.links import Links
from omniops.database.migrate import Branch, Migrator
from omniops.database.notices import Notices
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.jobs.service import Jobs
from omniops.logs import logger
from omniops.plugins.loading import Loaded, Plugins, load
from omniops.plugins.seams import Seams
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.policy import PrivacyPolicy
from omniops.privacy.register import Processors
from omniops.settings import Settings
from omniops.vault.roots import RootProvider
from omniops.vault.service import Vault
