"""Real mail servers on loopback, with real TLS: Dovecot for the mailboxes, aiosmtpd for what goes out."""

import asyncio
import imaplib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[3] / "tests" / "core"))
HOST = "127.0.0.1"
PASSWORD = "the-mailbox-password"
DOVECOT = shutil.which("dovecot", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    made = trustme.CA()
    made.cert_pem.write_to_path(ca_file(tmp_path_factory))
    return made


@pytest.fixture(scope="session")
def ca(authority, tmp_path_factory):
    return ca_file(tmp_path_factory)


def ca_file(factory):
    return factory.getbasetemp() / "mail-ca.pem"


@dataclass
class MailServer:
    """Dovecot. Every user has the same password."""

    port: int
    ca: Path

    def client(self, user):
        client = imaplib.IMAP4_SSL(HOST, self.port, ssl_context=ssl.create_default_context(cafile=str(self.ca)))
        client.login(user, PASSWORD)
        return client

    def put(self, user, *mails, folder="INBOX"):
        """Mail comes."""
        client = self.client(user)
        for mail in mails:
            state, _ = client.append(folder, None, None, bytes(mail))
            assert state == "OK"
        client.logout()

    def flags(self, user):
        client = self.client(user)
        client.select("INBOX", readonly=True)
        _, found = client.uid("FETCH", "1:*", "(FLAGS)")
        client.logout()
        return [line.decode() for line in found]

    def begin_anew(self, user):
        """The mailbox is made again, with the mail that was in it: all of it gets new numbers."""
        client = self.client(user)
        client.select("INBOX", readonly=True)
        _, found = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
        mails = [part[1] for part in found if isinstance(part, tuple)]
        client.close()
        client.create("other")
        client.logout()
        self.put(user, *mails, folder="other")
        return "other"


@pytest.fixture(scope="session")
def dovecot(authority, ca, tmp_path_factory):
    if DOVECOT is None:
        pytest.fail("Dovecot is not installed: apt-get install dovecot-imapd (tests/check.py does it).")
    folder = Path("/tmp") / f"omniops-dovecot-{os.getpid()}"  # its sockets' paths must be short
    folder.mkdir()
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
    certificate = authority.issue_cert(HOST)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "tls.pem")
    root = os.geteuid() == 0
    owner, group = (65534, 65534) if root else (os.getuid(), os.getgid())
    (folder / "mail").mkdir()
    os.chown(folder / "mail", owner, group)
    me = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    users = "" if root else f"default_login_user = {me}\ndefault_internal_user = {me}\ndefault_internal_group = {me}"
    (folder / "dovecot.conf").write_text(f"""
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
{users}
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <{folder}/tls.pem
ssl_key = <{folder}/tls.pem
mail_location = maildir:{folder}/mail/%u
mail_home = {folder}/mail/%u
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = {HOST}
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
""")
    process = subprocess.Popen([DOVECOT, "-F", "-c", str(folder / "dovecot.conf")], start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((HOST, port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
        yield MailServer(port, ca)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # asked politely, it takes ten seconds
        process.wait()
        shutil.rmtree(folder)


@dataclass
class Postbox:
    """What the SMTP server took, in order. It knows no `gone@…`, is busy for `later@…`, and takes no spam."""

    port: int = 0
    taken: list = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def mails(self):
        return [message_from_bytes(envelope.content, policy=policy.default) for envelope in self.taken]

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such person"
        if address.startswith("later@"):
            return "451 4.3.0 busy"
        if address.startswith("closed@"):
            return "550 5.7.1 policy"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"spam" in envelope.content:
            return "554 5.6.0 not this"
        self.taken.append(envelope)
        self.came.set()
        return "250 OK"


@asynccontextmanager
async def smtp_server(authority, *, starttls=False, tls="1.3"):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    version = ssl.TLSVersion.TLSv1_3 if tls == "1.3" else ssl.TLSVersion.TLSv1_2
    context.minimum_version = context.maximum_version = version
    box = Postbox()

    def sign_in(server, session, envelope, mechanism, data):
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    def made():
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # it does not see that TLS came first
            return SMTP(
                box,
                hostname="smtp.test",
                tls_context=context if starttls else None,
                require_starttls=starttls,
                authenticator=sign_in,
                auth_required=True,
                auth_require_tls=starttls,
            )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(made, HOST, 0, ssl=None if starttls else context)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def smtp(authority):
    async with smtp_server(authority) as box:
        yield box
