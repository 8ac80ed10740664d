"""A plugin that nobody here wrote adds a class, shortens, keeps back and is told, by its hooks and marks alone.

It is written into a folder, installed from there, and brings a table of its own. Nothing of core knows its name.
"""

import hashlib
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import omniops
import psycopg
import pytest
from omniops.contracts.declaration import Retention
from omniops.contracts.retention import Expiring, KeptBack, Swept
from omniops.contracts.scope import Actor
from omniops.hookspecs import HOOKS
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import _forget_tables
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock
from sqlmodel import SQLModel

CORE = Path(omniops.__file__).parent
MEMBER = Actor("member", "test")
PLUGIN = """
from datetime import datetime
from omniops import SubjectModel, Sealed, belongs_to, not_personal, personal
from omniops.contracts.declaration import Declaration, Purpose, Retention, Tables
from omniops.contracts.ids import utcnow
from omniops.contracts.retention import KeptBack

class ArchiveCase(SubjectModel, table=True):
    __tablename__ = "archive_case"
    words: Sealed[str] = personal("user.content.chat", purposes=("support.provide",), retain="archive.case")
    hint: Sealed[str] | None = personal(
        "user.content.chat", purposes=("support.provide",), retain="archive.hint", default=None)
    created_at: datetime = not_personal("when it was made", default_factory=utcnow)

class ArchiveMark(SubjectModel, table=True):
    __tablename__ = "archive_mark"
    until: datetime = not_personal("end of its life", retain="archive.mark")

class P(Plugin):
    "Keeps cases."
    info = Info(**INFO)
    said = ()
    kept = KeptBack()

    def __init__(self, context):
        super().__init__(context)
        self.swept = []
        self.rules = [Retention("archive.mark", "Marks of cases", 0), Retention("chat", "Conversations", 30)]

    @hookimpl
    def declares(self):
        return Declaration(
            retention=[Retention("archive.case", "Cases", 60), Retention("archive.hint", "Hints", 10)],
            tables=Tables((ArchiveCase, ArchiveMark), "omniops_archive_tables"),
        )

    @hookimpl
    async def retention_rules(self, scope):
        if isinstance(self.rules, Exception):
            raise self.rules
        return self.rules

    @hookimpl
    async def retention_veto(self, expiring):
        if self.kept == "hang":
            await asyncio.sleep(60)
        if isinstance(self.kept, Exception):
            raise self.kept
        self.expiring = expiring
        return self.kept

    @hookimpl
    async def retention_swept(self, swept):
        self.swept.append(swept)
        raise ValueError("boom")
"""
REVISION = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "1", None, None, None

def upgrade():
    for name, own in (
        ("archive_case", [sa.Column("words", sa.LargeBinary(), nullable=False), sa.Column("hint", sa.LargeBinary()),
                          sa.Column("created_at", sa.DateTime(timezone=True), nullable=False)]),
        ("archive_mark", [sa.Column("until", sa.DateTime(timezone=True), nullable=False)]),
    ):
        ids = [sa.Column(c, sa.Uuid(), nullable=False) for c in ("domain_id", "id", "subject_id")]
        op.create_table(name, *ids, *own, sa.PrimaryKeyConstraint("domain_id", "id"))
        op.scope_table(name, "domain")
"""


@pytest.fixture(scope="module")
def core():
    """A hash of every file of core, before any plugin is there."""

    def digest():
        return {path: hashlib.sha256(path.read_bytes()).digest() for path in CORE.rglob("*.py")}

    before = digest()
    yield
    assert digest() == before


@pytest.fixture(scope="module")
async def runtime(core, postgres, links, tmp_path_factory):
    from installed import site

    folder = tmp_path_factory.mktemp("archive")
    tables = set(SQLModel.metadata.tables)
    with site(folder) as installed:
        installed.install("archive", PLUGIN)
        versions = folder / "omniops_archive_tables" / "versions"
        versions.mkdir(parents=True)
        (versions.parent / "__init__.py").touch()
        (versions / "1_first.py").write_text(REVISION)
        clock = ManualClock()
        settings = Settings(
            data_dir=folder,
            keys_dir=folder / "keys",
            plugins=["website", "hybrid", "archive"],
            encoder="none",
            plugin_mode="strict",
        )
        async with Runtime.open(settings, links, postgres.root, clock=clock, migrate=True) as runtime:
            yield runtime
    _forget_tables(tables)


@pytest.fixture
async def archive(runtime):
    """The plugin, where it is on for a fresh domain with one old row of each kind and one young one."""
    account = await runtime.accounts.create("Shop", actor=OPERATOR)
    domain = await runtime.accounts.add_domain(account, "Shop", [f"https://{uuid4().hex}.example"], actor=OPERATOR)
    await runtime.accounts.switch(domain.scope, "archive", on=True, actor=OPERATOR)
    plugin = runtime.loaded("archive").plugin
    plugin.scope, plugin.engine, plugin.kept = domain.scope, runtime.privacy.retention, KeptBack()
    plugin.rules = [Retention("archive.mark", "Marks of cases", 0), Retention("chat", "Conversations", 30)]
    plugin.swept.clear()
    plugin.people = [uuid4(), uuid4()]
    plugin.cases = [uuid4(), uuid4()]
    with psycopg.connect(runtime.database.links.admin.conninfo()) as connection:
        for subject, case, days in zip(plugin.people, plugin.cases, (61, 11), strict=True):
            moment = runtime.clock.now() - timedelta(days=days)
            connection.execute(
                "insert into omniops.archive_case values (%s, %s, %s, '\\x00', '\\x01', %s)",
                [domain.id, case, subject, moment],
            )
            later = runtime.clock.now() + timedelta(days=1 if days == 11 else -1)
            connection.execute(
                "insert into omniops.archive_mark values (%s, %s, %s, %s)", [domain.id, uuid4(), subject, later]
            )
            connection.execute(
                "insert into omniops.subject (account_id, home_id, id, kind, consents, objections, opt_outs, hold,"
                " created_at) values (%s, %s, %s, 'visitor', '{}', '[]', '[]', false, %s)",
                [account, domain.id, subject, moment],
            )
    return plugin


def cases(runtime, archive):
    with psycopg.connect(runtime.database.links.admin.conninfo()) as connection:
        rows = connection.execute(
            "select id, hint is not null from omniops.archive_case where domain_id = %s", [archive.scope.domain_id]
        ).fetchall()
    return dict(rows)


async def test_rows_of_a_plugin_go_by_its_marks_alone(runtime, archive):
    _, young = archive.cases
    run = await archive.engine.sweep(archive.scope)
    assert (run.state, run.problems) == ("done", [])
    assert run.deleted == {"archive_case": 1, "archive_case.hint": 1, "archive_mark": 1}
    assert cases(runtime, archive) == {young: False}, "a hint is emptied after ten days, its case stays for sixty"


async def test_retention_rules_add_classes_and_shorten(runtime, archive):
    await archive.engine.sweep(archive.scope)
    rules = {rule.key: rule for rule in await archive.engine.rules.all(archive.scope)}
    assert (rules["archive.mark"].days, rules["archive.mark"].title) == (0, "Marks of cases")
    assert (rules["chat"].days, rules["chat"].most) == (30, 90)
    assert [(said.by, said.days) for said in rules["chat"].shortened] == [("plugin:archive", 30)]
    archive.rules = [Retention("archive.mark", "Marks of cases", 0)]
    await archive.engine.sweep(archive.scope)
    rules = {rule.key: rule.days for rule in await archive.engine.rules.all(archive.scope)}
    assert rules["chat"] == 90, "what the plugin does not say any more holds no more"


@pytest.mark.parametrize(
    "said",
    [
        ValueError("boom"),
        None,
        [3],
        [Retention("chat", "Conversations", 91)],
        [Retention("chat", "Conversations", None)],
        [Retention("account", "Accounts", 10)],
    ],
    ids=repr,
)
async def test_retention_rules_that_fail_or_lengthen_stop_everything(runtime, archive, said):
    archive.rules = said
    run = await archive.engine.sweep(archive.scope)
    assert run.state == "incomplete"
    assert "Plugin 'archive', retention_rules()" in run.problems[0]
    assert len(cases(runtime, archive)) == 2


async def test_retention_veto_keeps_persons_and_rows_back(runtime, archive):
    old, young = archive.cases
    archive.kept = KeptBack(rows={"archive_case": frozenset({old})}, why="A dispute is open.")
    run = await archive.engine.sweep(archive.scope)
    assert run.state == "done"
    assert run.deleted == {"archive_case.hint": 1, "archive_mark": 1}
    assert cases(runtime, archive) == {old: True, young: False}
    assert run.plan["kept_back"][0] == {
        "plugin": "archive", "subjects": 0, "rows": {"archive_case": 1}, "why": "A dispute is open.",
    }  # fmt: skip
    assert isinstance(archive.expiring, Expiring)
    assert set(archive.expiring.before["archive_case"]) == {"created_at"}
    archive.kept = KeptBack(subjects=frozenset(archive.people[:1]))
    assert (await archive.engine.sweep(archive.scope)).deleted == {}
    archive.kept = KeptBack()
    assert (await archive.engine.sweep(archive.scope)).deleted == {"archive_case": 1}


@pytest.mark.parametrize("said", [ValueError("boom"), None, True, "hang"], ids=repr)
async def test_retention_veto_that_fails_hangs_or_says_nothing_means_no_deletion(runtime, archive, said, monkeypatch):
    from dataclasses import replace

    monkeypatch.setitem(HOOKS, "retention_veto", replace(HOOKS["retention_veto"], deadline=0.05))
    archive.kept = said
    run = await archive.engine.sweep(archive.scope)
    assert (run.state, run.deleted) == ("incomplete", {})
    assert "Plugin 'archive', retention_veto()" in run.problems[0]
    assert len(cases(runtime, archive)) == 2


async def test_retention_veto_of_a_misspelt_table_is_not_passed_over(runtime, archive):
    archive.kept = KeptBack(rows={"archive_cases": frozenset(archive.cases)})
    run = await archive.engine.sweep(archive.scope)
    assert (run.state, run.problems[0].partition("retention_veto(): ")[2]) == (
        "incomplete",
        "there is no table 'archive_cases'.",
    )
    assert len(cases(runtime, archive)) == 2


async def test_retention_veto_that_changes_its_mind_stops_an_approved_plan(runtime, archive):
    plan = await archive.engine.plan(archive.scope, actor=MEMBER)
    await archive.engine.approve(archive.scope, plan.id, plan.hash, actor=MEMBER)
    archive.kept = KeptBack(subjects=frozenset(archive.people))
    run = await archive.engine.run(archive.scope, plan.id)
    assert run.state == "refused"
    assert len(cases(runtime, archive)) == 2


async def test_retention_swept_is_told_after_and_its_failure_changes_nothing(runtime, archive):
    run = await archive.engine.sweep(archive.scope)
    assert run.state == "done"
    assert archive.swept == [Swept(archive.scope, run.id, "done", run.deleted, run.shredded)]


async def test_a_plugin_that_is_off_is_not_asked_and_its_rows_are_not_forgotten(runtime, archive):
    await runtime.accounts.switch(archive.scope, "archive", on=False, actor=OPERATOR)
    archive.kept = ValueError("boom")
    run = await archive.engine.sweep(archive.scope)
    assert archive.swept == []
    assert run.deleted == {"archive_case": 1, "archive_case.hint": 1}, "declared classes hold wherever rows are"
    assert run.problems == ["archive_mark: nobody says how long 'archive.mark' is kept; its rows stay."]


async def test_a_hold_keeps_rows_of_a_plugin(runtime, archive):
    with psycopg.connect(runtime.database.links.admin.conninfo()) as connection:
        connection.execute("update omniops.subject set hold = true where id = %s", archive.people[:1])
    assert (await archive.engine.sweep(archive.scope)).deleted == {"archive_case.hint": 1}


def test_plugins_of_one_domain_are_asked_at_the_same_time():
    assert {HOOKS[name].verb for name in HOOKS if name.startswith("retention_")} == {"gather"}
    assert HOOKS["retention_veto"].closed
    assert HOOKS["retention_rules"].closed
    assert not HOOKS["retention_swept"].closed
