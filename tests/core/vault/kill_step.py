"""Does acts that die by SIGKILL before their N-th statement or commit.

The first line of input says where (JSON); each further one is `ACT N SUBJECT`. Every act runs in a fork, so that the
imports are paid for once; the answer is `finished` when it ended before it came to N, else `killed`.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

from omniops import Actor, Scope
from omniops.accounts.models import Account  # noqa: F401  (its tables)
from omniops.contracts.ids import SystemClock
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, Message
from omniops.database.links import Link, Links
from omniops.privacy.erasure import Erasure
from omniops.testing.rooms import Rooms
from omniops.vault.models import Subject
from omniops.vault.roots import FolderRoot
from sqlalchemy import event
from sqlalchemy.engine import Engine

given = json.loads(sys.stdin.readline())
last = 0
scope = Scope(UUID(given["account"]), UUID(given["domain"]))
steps = 0
armed = False


def step(*_):
    global steps
    if armed:
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)


event.listen(Engine, "before_cursor_execute", step)
event.listen(Engine, "commit", step)


async def create(rooms):
    subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor")
    async with rooms.database.session(scope) as session:
        session.add(subject)
        await session.flush()
        talk = Conversation(domain_id=scope.domain_id, subject_id=subject.id, channel="website", last_seq=1)
        session.add(talk)
        await session.flush()
        session.add(
            Message(
                domain_id=scope.domain_id,
                subject_id=subject.id,
                conversation_id=talk.id,
                seq=1,
                author="visitor",
                text=seal("where is my parcel"),
            )
        )
        await session.commit()


async def main(act, subject):
    global armed
    links = Links(**{name: Link(value) if value else None for name, value in given["links"].items()})
    async with Rooms.open(links, FolderRoot(Path(given["root"])), SystemClock()) as rooms:
        armed = True
        if act == "create":
            await create(rooms)
        elif act == "shred":
            await rooms.vault.shred(scope, UUID(subject), actor=Actor.system("test"))
        else:
            await Erasure(rooms.database, rooms.vault).erase(scope, UUID(subject), actor=Actor.system("test"))
        armed = False


for line in sys.stdin:
    act, number, subject = line.split()
    last = int(number)
    if (child := os.fork()) == 0:
        asyncio.run(main(act, subject))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    print("killed" if killed else "finished" if status == 0 else f"failed {status}", flush=True)
