"""`UpstreamSuite` passes a provider that keeps its promises, and notices one that does not."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
SUITES = HERE / "asking_suites.py"
NOTICED = {
    "Lenient": "test_an_answer_without_its_end_is_truncated",
    "Stubborn": "test_a_status_has_one_meaning[500]",
    "Leaky": "test_a_cut_connection_is_a_connection_error",
    "Open": "test_the_upstream_sees_that_we_left[silent-left]",
    "Gossip": "test_a_status_has_one_meaning[400]",
    "Eager": "test_a_half_streamed_call_is_never_told",
    "Crosser": "test_replay_never_crosses_providers",
    "Miscounter": "test_usage_is_normalised",
    "Discreet": "test_the_ledger_knows_who_got_what_about_whom",
    "Hurried": "test_a_slow_answer_is_not_cut",
    "Wasteful": "test_two_answers_share_a_connection",
    "Pedant": "test_done_does_not_wait_for_the_connection",
    "Insistent": "test_what_the_gate_refuses_is_never_tried_again",
    "Credulous": "test_citations_stand_in_their_passages",
    "Literal": "test_retry_after_is_a_number",
}
"""Each broken plugin, and the test that is there for it."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Whether each test failed, by class and name, of one run."""
    import asking_plugins

    folder = tmp_path_factory.mktemp("asking")
    info = folder / "omniops_asking-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omniops-asking\nVersion: 1.0\n")
    targets = {name: f"Plugin_{name}" for name in asking_plugins.ALL}
    lines = [f"{name} = asking_plugins:{target}" for name, target in targets.items()]
    (info / "entry_points.txt").write_text("\n".join(["[omniops.plugins]", *lines, ""]))
    report = folder / "report.xml"
    options = ["-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-c", os.devnull, "--import-mode=importlib"]
    chosen = [f"{SUITES}::TestAsker", *(f"{SUITES}::Test{name}::{test}" for name, test in NOTICED.items())]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={folder}", f"--junitxml={report}", *chosen],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(HERE)])},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        failed = case.find("failure") if case.find("failure") is not None else case.find("error")
        said = failed.get("message") if failed is not None else None
        found[case.get("classname").rpartition(".Test")[2], case.get("name")] = said
    assert found, done.stdout[-2000:]
    return found


def test_a_provider_that_keeps_its_promises_passes(results):
    assert {name: said for (plugin, name), said in results.items() if plugin == "Asker" and said} == {}
    assert len([1 for plugin, _ in results if plugin == "Asker"]) > 50


@pytest.mark.parametrize("plugin", NOTICED)
def test_a_broken_promise_is_noticed(results, plugin):
    assert results[plugin, NOTICED[plugin]]
