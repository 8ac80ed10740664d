"""Everything that must hold, in one command: style, types, floors, tests with branch coverage. `--quick` leaves out the
browser and fault tests, and those that take long.

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


def steps(quick: bool) -> list[tuple[str, list[str]]]:
    # Tests wait more than they compute: for PostgreSQL, browsers and children. A module stays in one process, and those
    # that take longest begin first. Each test is named as it ends: should one hang, it is the one that is missing.
    workers = str((os.cpu_count() or 1) + 1)
    tests = [sys.executable, "-m", "pytest", "-v", "-n", workers, "--dist", "loadfile", "--no-loadscope-reorder"]
    tests.append("--durations=30")
    # Named one by one: of folders inside each other the outer one alone would count, and its order.
    folders = [f"tests/{name}" for name in ("faults", "journeys", "core", "docs", "seams", "typing")] + ["plugins"]
    # What plays thousands of rounds does not go through the tracer as well: it would wait for nothing but that.
    slow = [] if quick else [("slow tests", [*tests, "-m", "slow", *folders])]
    left_out = ["--ignore", "tests/journeys", "--ignore", "tests/faults"] if quick else []
    tests += ["-m", "not slow", "--cov", "--cov-report=", *left_out, *(folders[2:] if quick else folders)]
    return [
        ("style", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("floors", ["lint-imports", "--no-cache"]),
        *slow,
        ("tests", tests),
        ("coverage", [sys.executable, "-m", "coverage", "report"]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    chosen = parser.parse_args()
    prepare()
    os.chdir(HERE)
    path = os.pathsep.join((str(Path(sys.executable).parent), *PLACES))
    failed = []
    # The tests start many processes. Compiled code is kept for them, beside the tree, whatever the machine says.
    with tempfile.TemporaryDirectory(prefix="omniops-compiled-") as compiled:
        environment = {**os.environ, "PATH": path, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for name, command in steps(chosen.quick):
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
