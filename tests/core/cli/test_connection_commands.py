"""The `connection` commands over a real database: what they do, print and exit with."""

import asyncio
import json
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from desk import opened
from market import SECRET, MarketPlugin, order, told
from omniops.cli import connection_log, connections
from omniops.cli.app import app
from omniops.cli.output import FAILED, NOT_REACHABLE, exit_code
from omniops.connections.granting import Browser
from omniops.errors import NotFound, Permanent, Rejected
from omniops.operations.firsts import OPERATOR
from omniops.testing import ManualClock
from trade import Market, TradePlugin
from typer.testing import CliRunner


class Line:
    """Commands of one operator over one runtime: what opening costs is not what is tried here."""

    def __init__(self, runner, desk, trade):
        self.run, self.desk, self.trade = runner.run, desk, trade
        self.stall = desk.runtime.loaded("market").plugin.integration

    def __call__(self, *arguments, **more):
        line = ["connection", *map(str, arguments), "--domain", str(self.desk.domain.id)]
        return CliRunner().invoke(app, line, **more)

    def json(self, *arguments, **more):
        answer = self(*arguments, "--json", **more)
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout)

    def browse(self, url):
        """A member opens the address, agrees at the market and comes back."""
        query = self.trade.browse(url)
        browser = Browser(self.desk.domain.scope.account_id, True, "session")
        return self.run(self.desk.runtime.granting.returned(list(query.items()), browser))


@pytest.fixture
def omniops(postgres, links, tmp_path, monkeypatch):
    trade, clock = Market(), ManualClock()
    clock.forward(hours=1)
    beside = {"trade": TradePlugin.of(trade, clock), "market": MarketPlugin}
    with asyncio.Runner() as runner:
        opening = opened(links, postgres.root, tmp_path, clock, beside)
        desk = runner.run(opening.__aenter__())
        desk.domain = runner.run(desk.new_domain())
        for plugin in ("trade", "market"):
            runner.run(desk.runtime.accounts.switch(desk.domain.scope, plugin, on=True, actor=OPERATOR))
        for module in (connections, connection_log):
            monkeypatch.setattr(module, "with_runtime", lambda work: runner.run(work(desk.runtime)))
        yield Line(runner, desk, trade)
        runner.run(opening.__aexit__(None, None, None))


def test_access_is_begun_kept_and_ended_from_the_command_line(omniops):
    assert omniops.json("list") == []
    assert "connected to nothing yet" in omniops("list").stderr
    begun = omniops.json("begin", "trade", "--set", "shop=mine", "--off", "stock")
    asked = dict(parse_qsl(urlsplit(begun["url"]).query))
    assert asked["scope"].split() == ["read_shop", "read_products"]
    omniops.browse(begun["url"])
    (listed,) = omniops.json("list")
    assert (listed["kind"], listed["state"]) == ("trade", "connected")
    number = listed["id"]

    shown = omniops("show", "trade")
    assert shown.exit_code == 0
    assert "connected by operator" in shown.stderr or "connected by system" in shown.stderr
    assert [one["event"] for one in omniops.json("show", number)["events"]] == ["connected"]

    features = {one["key"]: one for one in omniops.json("features", number, "--on", "stock")}
    assert (features["stock"]["wanted"], features["stock"]["on"]) == (True, False)
    assert "read_stock" in omniops("features", number).stdout
    omniops.browse(omniops.json("begin", "trade", "--again", number)["url"])
    assert {one["key"] for one in omniops.json("features", number) if one["on"]} == {"products", "stock"}

    assert omniops.json("check", "trade")["said"] == "The market answered."
    assert "The market answered." in omniops("check", number).stderr
    ended = omniops.json("disconnect", number)
    assert ended == {"id": number, "outcome": "revoked"}
    assert omniops.trade.living == {}
    assert omniops.json("list") == []


def test_keys_are_asked_for_and_never_printed(omniops):
    made = omniops("begin", "market", "--set", "stall=s-9", input=f"{SECRET}\n")
    assert made.exit_code == 0, made.output
    assert "market" in made.stderr
    for command in ("list", "show"):
        arguments = () if command == "list" else ("market",)
        said = omniops(command, *arguments, "--json")
        assert SECRET not in made.output + said.output + omniops(command, *arguments).output
    assert "disconnected" in omniops("disconnect", "market").stderr
    wrong = omniops("begin", "trade", "--kind", "trade-keys", "--set", "store")
    assert wrong.exit_code == 2
    assert "name=value" in wrong.stderr
    for line in (("begin", "trade", "--set", "shops=[1"), ("change", "trade")):
        assert omniops(*line).exit_code == 2, line


def test_what_cannot_be_done_says_why_and_exits_so(omniops):
    for arguments, kind, said, code in (
        (("begin", "nothing"), NotFound, "No plugin 'nothing' with connections is enabled.", FAILED),
        (("begin", "trade", "--set", "shop=NOT A SHOP"), Rejected, "shop", FAILED),
        (("begin", "trade", "--on", "dancing"), NotFound, "no feature 'dancing'", FAILED),
        (("show", "trade"), NotFound, "omniops connection list", FAILED),
        (("check", "trade"), NotFound, "omniops connection list", FAILED),
        (("disconnect", "trade"), NotFound, "omniops connection list", FAILED),
    ):
        answer = omniops(*arguments)
        assert isinstance(answer.exception, kind), (arguments, answer.output)
        assert said in str(answer.exception)
        assert exit_code(answer.exception) == code
    omniops.browse(omniops.json("begin", "trade")["url"])
    omniops.trade.away = True
    assert exit_code(omniops("check", "trade").exception) == NOT_REACHABLE
    omniops.trade.away = False
    omniops.trade.shop = "shop-2"
    omniops.browse(omniops.json("begin", "trade")["url"])
    several = omniops("show", "trade")
    assert isinstance(several.exception, Rejected)
    assert "Name one by its id." in str(several.exception)


def test_the_log_is_read_and_dead_letters_are_taken_up_again(omniops):
    made = omniops.json("begin", "market", "--set", "stall=s-7", input=f"{SECRET}\n")
    assert omniops.json("log", "market") == []
    assert "told nothing yet" in omniops("log", "market").stderr
    omniops.stall.begin(Permanent("There is no such order."))
    delivery = told(order(7, "new"), order(8, "new"), secret=SECRET, clock=omniops.desk.clock)
    omniops.run(omniops.desk.runtime.traffic.intake.take("market", UUID(made["id"]), delivery))
    omniops.run(omniops.desk.work("connections"))
    log = omniops.json("log", made["id"])
    assert sorted((one["what"], one["name"], one["state"]) for one in log) == [
        ("event", "order.changed", "done"),
        ("event", "order.changed", "failed"),
    ]
    assert "CANARY" not in str(log)
    assert [one["problem"] for one in omniops.json("log", "market", "--state", "failed")] == ["permanent"]
    assert omniops("log", "market", "--state", "lost").exit_code == 2
    assert omniops.json("replay", "market", "--hours", "48") == {"count": 1}
    omniops.run(omniops.desk.work("connections"))
    assert sorted(event.data["number"] for event in omniops.stall.handled) == [7, 8]
    assert "no dead letters" in omniops("replay", "market").stderr


def test_syncs_are_shown_and_fetched_now(omniops):
    omniops("begin", "market", "--set", "stall=s-8", input=f"{SECRET}\n")
    omniops.stall.begin()
    omniops.stall.orders = list("abc")
    assert omniops("sync", "market", "orders").exit_code == 0
    omniops.run(omniops.desk.work("connections"))
    found = {one["name"]: one for one in omniops.json("syncs", "market")}
    assert (found["orders"]["state"], found["orders"]["done"], found["orders"]["total"]) == ("idle", 3, 3)
    assert "Orders" in omniops("syncs", "market").stdout
    unknown = omniops("sync", "market", "nothing")
    assert "nothing to fetch by the name 'nothing'" in str(unknown.exception)


def test_a_process_of_its_own_exits_with_what_happened(omniops, command):
    domain = ("--domain", omniops.desk.domain.id)
    listed = command("connection", "list", "--json", *domain)
    assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
    unknown = command("connection", "begin", "nothing", *domain)
    assert unknown.returncode == FAILED
    assert "No plugin 'nothing' with connections is enabled." in unknown.stderr
