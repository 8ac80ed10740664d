"""The link to the database: TLS 1.3 or nothing once it leaves the machine; a pooler in between changes no scope."""

import asyncio
import getpass
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import trustme
from omniops.contracts.ids import new_id
from omniops.contracts.scope import Scope
from omniops.database.links import Link, Links
from omniops.database.service import Database
from omniops.errors import ConfigError, NotReady
from omniops.knowledge.models import Source
from sqlalchemy import text
from sqlmodel import select

NAME = "database.example"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


async def pipe(reader, writer):
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def tls_front(link, authority, *, newest):
    """A TLS end in front of the real server, as PostgreSQL's protocol begins it, that speaks `newest` at most."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest
    authority.issue_cert(NAME).configure_cert(context)
    path = Path(link.host) / f".s.PGSQL.{link.parameters.get('port', '5432')}"
    passed = []

    async def serve(reader, writer):
        try:
            if len(await reader.readexactly(8)) == 8:  # SSLRequest
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
                there, back = await asyncio.open_unix_connection(str(path))
                passed.append(writer.get_extra_info("ssl_object").version())
                await asyncio.gather(pipe(reader, back), pipe(there, writer))
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], passed


def remote(link, port, authority_file):
    parameters = {**link.parameters, "host": NAME, "hostaddr": "127.0.0.1", "port": str(port)}
    return Link({**parameters, "sslrootcert": str(authority_file)}).secured()


@pytest.fixture
def authority_file(authority, tmp_path):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


async def connected(link):
    def look():
        with psycopg.connect(link.conninfo(), connect_timeout=10) as connection:
            return connection.execute("select current_user").fetchone()[0]

    return await asyncio.to_thread(look)


async def test_a_server_that_speaks_tls_1_3_is_reached(links, authority, authority_file):
    async with tls_front(links.app, authority, newest=ssl.TLSVersion.TLSv1_3) as (port, passed):
        assert await connected(remote(links.app, port, authority_file)) == "omniops_app"
        assert passed == ["TLSv1.3"]


async def test_a_server_that_speaks_only_tls_1_2_is_refused(links, authority, authority_file):
    async with tls_front(links.app, authority, newest=ssl.TLSVersion.TLSv1_2) as (port, passed):
        with pytest.raises(psycopg.OperationalError, match=r"(?i)ssl|tls|protocol"):
            await connected(remote(links.app, port, authority_file))
        assert passed == []


async def test_a_certificate_of_somebody_else_is_refused(links, authority, tmp_path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    async with tls_front(links.app, authority, newest=ssl.TLSVersion.TLSv1_3) as (port, passed):
        with pytest.raises(psycopg.OperationalError, match="certificate"):
            await connected(remote(links.app, port, tmp_path / "other.pem"))
        assert passed == []


@pytest.mark.parametrize("weaker", ["sslmode=disable", "sslmode=prefer", "ssl_min_protocol_version=TLSv1"])
def test_the_url_cannot_ask_for_less(weaker):
    secured = Link.parse(f"postgresql://u:p@db.example/x?{weaker}").secured()
    assert secured.parameters["sslmode"] == "verify-full"
    assert secured.parameters["ssl_min_protocol_version"] == "TLSv1.3"


def test_a_broken_url_does_not_repeat_its_password():
    with pytest.raises(ConfigError) as refused:
        Link.parse("postgresql://u:hunter2@[broken")
    assert "hunter2" not in str(refused.value)


@pytest.fixture(scope="module")
def pooler(links, tmp_path_factory):
    """pgbouncer in transaction mode with two server connections: every transaction may get another one."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "pgbouncer is missing: apt-get install pgbouncer"
    folder = tmp_path_factory.mktemp("pooler")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    app = links.app.parameters
    (folder / "users").write_text(f'"{app["user"]}" "{app["password"]}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={app['host']} port={app.get('port', '5432')}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n"
        f"auth_file = {folder}/users\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\n"
    )
    user = []
    if os.geteuid() == 0:
        for place in (folder, *folder.parents[:3]):
            place.chmod(place.stat().st_mode | 0o055)
        for path in folder.iterdir():
            path.chmod(0o644)
        user = ["-u", pwd.getpwuid(Path(app["host"]).stat().st_uid).pw_name]  # who may enter the socket's folder
    process = subprocess.Popen([program, "-q", *user, str(folder / "pgbouncer.ini")], stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    while True:
        assert process.poll() is None, process.stderr.read().decode()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < end, f"pgbouncer does not listen, as {getpass.getuser()}"
            time.sleep(0.02)
    yield Link({**app, "host": "127.0.0.1", "port": str(port)})
    process.terminate()
    process.wait(10)
    process.stderr.close()


async def test_a_pooler_mixes_no_scopes(rooms, links, pooler):
    pooled = Links(links.admin, links.owner, links.app, pooler, links.jobs, links.system)
    scopes = [await rooms.domain() for _ in range(10)]
    database = Database(pooled, pool=20)
    try:

        async def work(scope, number):
            async with database.session(scope) as session:
                session.add(
                    Source(domain_id=scope.domain_id, id=new_id(), kind="site", url=f"https://{number}.example")
                )
                await session.flush()
                mine = (await session.exec(select(Source))).all()
                assert {source.domain_id for source in mine} == {scope.domain_id}
                await session.commit()

        await asyncio.gather(*(work(scope, n) for n in range(20) for scope in scopes))
        for scope in scopes:
            async with database.session(scope) as session:
                assert len((await session.exec(select(Source))).all()) == 20
        async with database.connect() as connection:  # no scope, on a connection that others have used
            assert (await connection.execute(text("select count(*) from source"))).scalar_one() == 0
    finally:
        await database.close()


async def test_who_finds_every_connection_busy_is_told_to_come_again(links):
    database = Database(links, pool=1, patience=0.01)
    try:
        async with database.connect(), database.connect():
            with pytest.raises(NotReady, match="busy") as told:
                async with database.connect():
                    pass
            with pytest.raises(NotReady, match="busy"):
                async with database.session(Scope(new_id(), new_id())):
                    pass
        assert told.value.retry_after == 1
        async with database.connect() as connection:
            assert (await connection.execute(text("select 1"))).scalar() == 1
    finally:
        await database.close()
