"""Everything that must hold, in one command: style, types, floors, tests. `--quick` leaves out the browser and fault
tests, and those that take long. `--long` plays each game of chance (kills, races, faults, sabotages) some hundred or
thousand times instead of some ten: before a release. `--cover` measures the branches that the tests reach.

On Debian and its like, what the tests need of the system is installed first (as root, or with sudo where that asks for
no password). Elsewhere a sentence says what to install.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
TOOLS = {
    "chromium": "chromium",
    "nft": "nftables",
    "ip": "iproute2",
    "pgbouncer": "pgbouncer",
    "dovecot": "dovecot-imapd",
}
"""Programs that the tests start, each with the Debian package that has it."""
PLACES = (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin")


def installed(program: str) -> bool:
    return shutil.which(program, path=os.pathsep.join(PLACES)) is not None


def prepare() -> None:
    """Installs what is missing. Exits with what to do where it cannot."""
    missing = sorted({package for program, package in TOOLS.items() if not installed(program)})
    if not missing:
        return
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing]
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") is None or (root and subprocess.run([*root, "true"], capture_output=True).returncode):
        sys.exit(f"The tests need {', '.join(missing)}. Install them as root: apt-get install {' '.join(missing)}")
    print(f"Installing {', '.join(missing)} …", flush=True)
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    subprocess.run([*root, "apt-get", "update", "-q"], check=False, stdout=subprocess.DEVNULL)
    if subprocess.run([*root, *environment, *command], stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"These packages could not be installed: {', '.join(missing)}. See apt-get's words above.")


def steps(quick: bool, long: bool, cover: bool) -> list[tuple[str, list[str]]]:
    # Tests wait for PostgreSQL, browsers and children as well. A module stays in one process, and those that take
    # longest begin first. Each test is named as it ends: should one hang, it is the one that is missing.
    workers = str((os.cpu_count() or 1) + 1)
    tests = [sys.executable, "-m", "pytest", "-v", "-n", workers, "--dist", "loadfile", "--no-loadscope-reorder"]
    tests.append("--durations=30")
    if quick or cover:  # nor does what plays many rounds go through the tracer as well: it takes long enough
        tests += ["-m", "not slow"]
    if long:
        tests.append("--long")
    if cover:
        tests += ["--cov", "--cov-report="]
    # Named one by one: of folders inside each other the outer one alone would count, and its order.
    rooms = sorted(f"core/{room.name}" for room in (HERE / "tests" / "core").iterdir() if any(room.glob("test_*.py")))
    parts = dict.fromkeys(("faults", "core/proof", "journeys", *rooms, "packaging", "docs", "seams", "typing"))
    left_out = ("faults", "journeys") if quick else ()
    tests += [*(f"tests/{name}" for name in parts if name not in left_out), "plugins"]
    return [
        ("style", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("floors", ["lint-imports", "--no-cache"]),
        ("tests", tests),
        *([("coverage", [sys.executable, "-m", "coverage", "report"])] if cover else []),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--cover", action="store_true")
    chosen = parser.parse_args()
    prepare()
    os.chdir(HERE)
    path = os.pathsep.join((str(Path(sys.executable).parent), *PLACES))
    failed = []
    # The tests start many processes. Compiled code is kept for them, beside the tree, whatever the machine says.
    with tempfile.TemporaryDirectory(prefix="omniops-compiled-") as compiled:
        environment = {**os.environ, "PATH": path, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for name, command in steps(chosen.quick, chosen.long, chosen.cover):
            print(f"── {name}: {' '.join(command[-4:])}", flush=True)
            started = time.monotonic()
            if subprocess.run(command, env=environment).returncode:
                failed.append(name)
            print(f"── {name}: {time.monotonic() - started:.0f} s", flush=True)
    if failed:
        sys.exit(f"Not as it must be: {', '.join(failed)}.")
    print("All is as it must be.")


if __name__ == "__main__":
    main()
