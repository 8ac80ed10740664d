"""mypy refuses what must not be written: line by line, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def errors(path):
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--show-error-codes"]
    done = subprocess.run([*command, str(path)], cwd=ROOT, capture_output=True, text=True)
    found = re.findall(rf"{path.name}:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return {int(line): code for line, code in found}


def test_each_misuse_is_an_error_and_nothing_else_is():
    path = HERE / "misuse.py"
    wanted = {
        number: match[1] or ""
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (match := re.search(r"# E(?:: ([\w-]+))?$", line))
    }
    found = errors(path)
    assert found.keys() == wanted.keys()
    assert {n: code for n, code in wanted.items() if code and found[n] != code} == {}
