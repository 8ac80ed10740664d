"""`IntegrationSuite` tries a feature that is off by default where it is switched on, and says where it is not."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parent
FAILED = {
    "Picked": set(),
    "Unpicked": {"test_people_get_a_copy_and_are_erased"},
    "Murmuring": {"test_what_is_about_people_lies_nowhere_in_clear", "test_people_get_a_copy_and_are_erased"},
}
"""Each plugin, and the tests that fail for it and no others. Unpicked keeps its promises: its sample is passed over."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What each test came to, by class and name, of one run."""
    folder = tmp_path_factory.mktemp("chosen")
    info = folder / "omniops_chosen-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omniops-chosen\nVersion: 1.0\n")
    lines = [f"{name.lower()} = chosen_plugins:Plugin_{name.lower()}" for name in FAILED]
    (info / "entry_points.txt").write_text("\n".join(["[omniops.plugins]", *lines, ""]))
    report = folder / "report.xml"
    options = ["-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-c", os.devnull, "--import-mode=importlib"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={folder}", f"--junitxml={report}",
         HERE / "chosen_suites.py", "-k", "people or removed"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(HERE)])},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        state = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        found.setdefault(case.get("classname").rpartition(".Test")[2], {})[case.get("name")] = state
    assert found, done.stdout[-2000:]
    return found


@pytest.mark.parametrize("plugin", FAILED)
def test_a_feature_is_tried_where_it_is_chosen(results, plugin):
    assert {name for name, state in results[plugin].items() if state == "failed"} == FAILED[plugin]
    assert len([state for state in results[plugin].values() if state == "passed"]) >= 3 - len(FAILED[plugin])
