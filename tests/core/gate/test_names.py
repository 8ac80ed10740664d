"""The look-up of TXT records passes the process guard, on both event loops."""

import asyncio
import subprocess
import sys

import dns.message
import dns.rrset
import pytest

GUARDED = """
import asyncio, sys
from ipaddress import ip_address
from omniops.gate.guard import Guard, install, loop_factory
from omniops.gate.names import txt
guard = Guard()
install(guard)
factory = loop_factory() if sys.argv[1] == "uvloop" else asyncio.new_event_loop
with asyncio.Runner(loop_factory=factory) as runner:
    print(runner.run(txt("a.example", [(ip_address("127.0.0.1"), int(sys.argv[2]))])), guard.refused)
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_records_are_looked_up_past_the_guard(loop):
    async def serve(reader, writer):
        size = int.from_bytes(await reader.readexactly(2), "big")
        query = dns.message.from_wire(await reader.readexactly(size))
        answer = dns.message.make_response(query)
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", '"one " "record"'))
        wire = answer.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    command = [sys.executable, "-c", GUARDED, loop, str(port)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    server.close()
    await server.wait_closed()
    assert done.stdout == "['one record'] 0\n", done.stderr
