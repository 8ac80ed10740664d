"""A suite over things with one fault each, run in a process of its own: which of its tests each fault turned red."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).parent


def failures_of(module, folder):
    """Names of the tests that failed, by fault, of one run of the suite over all of a module."""
    report = folder / "report.xml"
    options = ["-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-c", os.devnull, "--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={folder}", f"--junitxml={report}", HERE / module]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True, check=False)
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        failed = found.setdefault(case.get("classname").rpartition(".Test")[2], set())
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(case.get("name").partition("[")[0])
    return found
