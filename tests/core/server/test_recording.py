"""Every write of the API leaves an entry in the audit."""

import re
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts
from omniops.audit.service import OPERATOR
from omniops.contracts.ids import new_id
from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation
from omniops.errors import Refused
from omniops.server.idempotency import WRITES, Idempotent
from omniops.server.permissions import Public, Requires, guard_of, requires
from omniops.server.recording import Acts
from omniops.vault.models import Subject

REPLACED = {"url": "https://hooks.example/in", "email": "ann@one.example", "timezone": "Europe/Berlin", "name": "Ann"}
"""What the schema says too little of to be made up."""


def writing(app):
    return [
        (route, method)
        for route in iter_route_contexts(app.routes)
        for method in sorted(set(route.methods or ()) & WRITES)
        if route.path.startswith("/v1")
    ]


def made_up(schema, all_schemas, name=""):
    """A value that a schema takes, from its examples where it has some."""
    if "$ref" in schema:
        schema = all_schemas[schema["$ref"].rpartition("/")[2]]
    if name in REPLACED:
        return REPLACED[name]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema or "oneOf" in schema:
        return made_up((schema.get("anyOf") or schema["oneOf"])[0], all_schemas)
    match schema.get("type"):
        case "object":
            wanted = schema.get("required", [])
            return {k: made_up(v, all_schemas, k) for k, v in schema.get("properties", {}).items() if k in wanted}
        case "array":
            return [made_up(schema["items"], all_schemas)] * schema.get("minItems", 1)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    if schema.get("format") == "uuid":
        return str(uuid4())
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return "x" * max(schema.get("minLength", 1), 12)


def entries(world):
    """How many entries there are in the chains and on the way there, readings aside."""
    statement = (
        "select count(*) from (select action from omniops.audit_entry union all"
        " select action from omniops.audit_waiting) a"
        " where action not in ('vault.open', 'vault.trace', 'database.system')"
    )
    with psycopg.connect(world.runtime.database.links.admin.conninfo()) as connection:
        return connection.execute(statement).fetchone()[0]


async def test_every_write_route_is_of_the_class_that_records(world):
    found = writing(world.app)
    assert len(found) > 50
    loose = [f"{method} {r.path}" for r, method in found if not isinstance(r.original_route, Idempotent)]
    assert loose == []


async def test_every_write_that_is_done_leaves_an_entry(world):
    account = world.accounts[0]
    domain = world.domains[account][0]
    described = world.app.openapi()
    schemas = described["components"]["schemas"]
    origin = {"Origin": domain.origins[0]}
    async with world.client(**origin) as http:
        opened = (await http.post("/v1/visitor/sessions", json={"key": domain.widget_key})).json()
        bearer = {"Authorization": f"Bearer {opened['token']}"}
        begun = (await http.post("/v1/visitor/conversations", headers=bearer, json={})).json()
    ids = {"domain_id": str(domain.id), "conversation_id": begun.get("id", str(uuid4()))}
    done = []
    for route, method in sorted(writing(world.app), key=lambda one: one[1] == "DELETE"):
        operation = described["paths"][route.path_format][method.lower()]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: ids.get(m[1], str(uuid4())), route.path)
        guard = guard_of(route)
        if isinstance(guard, Requires):
            headers = world.key(account, "owner")
        elif isinstance(guard, Public):
            headers = origin
        else:
            headers = origin | bearer
        sent = made_up(body, schemas) if body is not None else None
        if isinstance(sent, dict) and "key" in sent:
            sent["key"] = domain.widget_key
        before = entries(world)
        async with world.client(**headers) as http, http.stream(method, path, json=sent) as answer:
            await answer.aread()
        if answer.status_code < 400:
            done.append(f"{method} {route.path}")
            assert entries(world) > before, done[-1]
    assert len(done) >= 20, done


async def test_a_change_without_an_entry_of_its_own_gets_one_and_a_refusal_none(world):
    router = APIRouter(route_class=Idempotent)

    @router.post("/v1/silent", dependencies=[Depends(requires("domain.read"))])
    async def silent() -> str:
        return "done"

    @router.post("/v1/refused")
    async def refused() -> str:
        raise Refused("No.", reason="no")

    app = FastAPI()
    app.state.runtime = world.runtime
    app.include_router(router)
    app.add_middleware(Acts)
    account = world.accounts[0]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as http:
        assert (await http.post("/v1/silent", headers=world.key(account, "owner"))).status_code == 200
        with pytest.raises(Refused):
            await http.post("/v1/refused")
    (newest,) = await world.runtime.audit.entries(account, limit=1)
    assert (newest.action, newest.object, newest.detail) == ("api.write", "/v1/silent", {"method": "POST"})
    assert newest.actor.startswith("key:")
    assert [e.object for e in await world.runtime.audit.entries(OPERATOR, limit=50, action="api.write")].count(
        "/v1/refused"
    ) == 0


async def test_a_change_of_personal_data_is_in_the_audit_when_and_only_when_it_is_done(world):
    domain = world.domains[world.accounts[1]][0]
    scope = domain.scope
    subject_id = new_id()
    subject = Subject(id=subject_id, account_id=scope.account_id, home_id=scope.domain_id, kind="visitor")

    def thread():
        return Conversation(
            domain_id=domain.id, subject_id=subject_id, channel="website", reply_to=seal("ann@one.example")
        )

    runtime = world.runtime
    before = await runtime.audit.entries(scope.account_id, limit=100, action="vault.write")
    async with runtime.database.session(scope) as session:
        session.add(subject)
        await session.commit()
        session.add(thread())
        await session.flush()
        await session.rollback()
        assert await runtime.audit.entries(scope.account_id, limit=100, action="vault.write") == before
        row = thread()
        session.add(row)
        await session.commit()
        (newest,) = await runtime.audit.entries(scope.account_id, limit=1, action="vault.write")
        assert newest.detail == {"sealed": {"contact.email": 1}, "deleted": 0}
        assert newest.object == "conversation"
        await session.delete(row)
        await session.commit()
    opened = await runtime.audit.entries(scope.account_id, limit=1, action="vault.write")
    assert opened[0].detail == {"sealed": {}, "deleted": 1}
    assert len(newest.subject_refs) == 1
    assert str(subject_id) not in newest.subject_refs[0]
