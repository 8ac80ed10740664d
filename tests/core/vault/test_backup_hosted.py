"""Backup and restore of a database elsewhere: every connection, those of PostgreSQL's own programs too, goes over TLS
with a certificate that was checked."""

import os
import pwd
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import trustme
from omniops import Actor, seal
from omniops.bootstrap import passwords
from omniops.contracts.ids import SystemClock
from omniops.database import dumps
from omniops.database.binaries import find
from omniops.database.dumps import Contents
from omniops.database.links import Link, Links
from omniops.database.migrate import CORE_BRANCH, Migrator
from omniops.database.roles import prepare
from omniops.errors import ConfigError, Refused
from omniops.operations.backup import back_up, check
from omniops.operations.restoring import bring_back
from omniops.settings import Settings
from omniops.testing.rooms import Rooms
from omniops.vault.roots import FolderRoot
from sqlmodel import select

HOST = "db.shop.example"
PASSWORD = "a password of the host"
AGENT = Actor("member", "m1")


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL that takes nobody without TLS: its folder and port. The wheels' builds speak none, so it is the
    system's."""
    try:
        programs = find(wheels=())
    except ConfigError:
        pytest.skip("no PostgreSQL of the system's packages: the wheels' builds speak no TLS")
    with tempfile.TemporaryDirectory(prefix="omniops-hosted-") as name:
        folder, data = Path(name), Path(name) / "data"
        owner = _owner()
        folder.chmod(0o755)  # the certificates are read by the tests, the data by the server's user
        if owner:
            os.chown(folder, owner["user"], owner["group"])

        def run(program, *arguments):
            subprocess.run([programs.program(program), *arguments], check=True, capture_output=True, cwd="/", **owner)

        authority, stranger = trustme.CA(), trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        stranger.cert_pem.write_to_path(folder / "stranger.pem")
        (folder / "password").write_text(PASSWORD)
        run("initdb", "-D", data, "-U", "admin", "--pwfile", folder / "password", "-A", "scram-sha-256", "-N")
        certificate = authority.issue_cert(HOST)
        certificate.private_key_pem.write_to_path(data / "server.key")
        for part in certificate.cert_chain_pems:
            part.write_to_path(data / "server.crt", append=True)
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        for secret in ("server.key", "server.crt"):
            (data / secret).chmod(0o600)
            if owner:
                os.chown(data / secret, owner["user"], owner["group"])
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c ssl=on -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
        try:
            yield folder, port
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _owner():
    """Arguments that run a program as somebody whom PostgreSQL serves: never as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def url(port, ca, *, host=HOST, database="postgres"):
    """As the setting `database_url` has it. The name is the host's; only its address is this machine's."""
    return f"postgresql://admin:{quote(PASSWORD)}@{host}:{port}/{database}?hostaddr=127.0.0.1&sslrootcert={ca}"


@pytest.fixture
async def deployment(server, tmp_path, table_maker, contact_table):
    """A deployment over the host's database, with one person in it."""
    folder, port = server
    root = FolderRoot.create(tmp_path / "keys")
    name = f"shop_{tmp_path.name.replace('-', '_')}"[:60].lower()
    admin = Link.parse(url(port, folder / "ca.pem")).secured()
    with psycopg.connect(admin.conninfo(), autocommit=True) as connection:
        connection.execute(f'create database "{name}" template template0')
    links = Links.build(Link.parse(url(port, folder / "ca.pem", database=name)), None, passwords(root))
    prepare(links, passwords(root))
    Migrator(links).upgrade(CORE_BRANCH)
    await table_maker(links)
    (tmp_path / "data").mkdir()
    async with Rooms.open(links, root, SystemClock()) as rooms:
        scope = await rooms.domain()
        row = contact_table(
            domain_id=scope.domain_id,
            subject_id=await rooms.subject(scope),
            email=seal("anna@example.org"),
            note=seal("a note"),
            token=seal("sk-1"),
        )
        async with rooms.database.session(scope) as session:
            session.add(row)
            await session.commit()
    return links, root, scope


def aside(act, *arguments, **more):
    """As a command does it: outside the test's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act, *arguments, **more).result()


async def test_a_hosted_database_is_dumped_tried_and_brought_back_over_tls(deployment, contact_table, tmp_path):
    links, root, scope = deployment
    with psycopg.connect(links.system.conninfo()) as connection:
        assert connection.pgconn.ssl_in_use
        before = Contents.of(connection)
    assert before.chains, "there is a chain to compare"
    file = tmp_path / "shop.age"
    made = aside(back_up, links, root, file, tmp_path / "data", now=datetime.now(UTC))
    assert (made.tables, made.contents.chains) == (before.tables, before.chains)
    tried = aside(check, links, root, file, tmp_path / "data")
    assert (tried.sha256, tried.contents) == (made.sha256, made.contents)
    settings = Settings(data_dir=tmp_path / "data", keys_dir=tmp_path / "keys")
    done = aside(bring_back, settings, links, root, file)
    assert (done.rows, done.vault) == (made.rows, "the database in place")
    with psycopg.connect(links.system.conninfo()) as connection:
        after = Contents.of(connection)
    assert all(after.chains[account][0] >= number for account, (number, _) in before.chains.items())
    async with Rooms.open(links, root, SystemClock()) as rooms:
        async with rooms.database.session(scope) as session:
            (row,) = (await session.exec(select(contact_table))).all()
        clear = await rooms.vault.open([row], purpose="support.provide", actor=AGENT)
        assert clear(row.email) == "anna@example.org"
        assert (await rooms.audit.verify(scope.account_id)).broken is None


@pytest.mark.parametrize(("ca", "host"), [("stranger.pem", HOST), ("ca.pem", "other.shop.example")])
async def test_a_certificate_of_somebody_else_ends_the_backup_before_a_row_left(deployment, server, tmp_path, ca, host):
    folder, port = server
    links, root, _ = deployment
    name = links.admin.parameters["dbname"]
    forged = Links.build(Link.parse(url(port, folder / ca, host=host, database=name)), None, passwords(root))
    with pytest.raises((psycopg.OperationalError, Refused)):
        aside(back_up, forged, root, tmp_path / "shop.age", tmp_path / "data", now=datetime.now(UTC))
    assert not (tmp_path / "shop.age").exists()
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(("ca", "host"), [("stranger.pem", HOST), ("ca.pem", "other.shop.example")])
async def test_postgresqls_own_program_checks_the_certificate_as_well(deployment, server, tmp_path, ca, host):
    folder, port = server
    links, *_ = deployment
    wrong = Link.parse(url(port, folder / ca, host=host, database=links.admin.parameters["dbname"])).secured()
    with pytest.raises(Refused, match="certificate"):
        dumps._run("pg_dump", wrong, ["--schema-only", f"--file={tmp_path / 'dump'}"], 15)


async def test_the_host_takes_nobody_without_tls(deployment, server):
    folder, port = server
    plain = Link.parse(url(port, folder / "ca.pem"))
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(Link({**plain.parameters, "sslmode": "disable"}).conninfo())


async def test_programs_that_do_not_know_the_systems_authorities_say_what_to_give_them(deployment, server, tmp_path):
    _, port = server
    if find(prefer=15, wheels=()).version >= 16:
        pytest.skip("the system's programs know them")
    parameters = {k: v for k, v in Link.parse(url(port, "none")).parameters.items() if k != "sslrootcert"}
    with pytest.raises(ConfigError, match="list of certificate authorities") as error:
        dumps._run("pg_dump", Link(parameters).secured(), ["--schema-only"], 15)
    assert "sslrootcert=" in error.value.do
