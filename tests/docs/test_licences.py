"""Whatever an installation brings along is listed with its licence."""

import importlib.util
from pathlib import Path

from omniops.licences import needed

HERE = Path(__file__).parent


def test_every_distribution_is_listed():
    spec = importlib.util.spec_from_file_location("licences", HERE / "licences.py")
    licences = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(licences)
    listed = licences.PAGE.read_text()
    found = needed(licences.OURS)
    assert len(found) > 40
    assert [name for name in found if name not in licences.OURS and f"| {name} |" not in listed] == []


def test_the_pages_that_others_link_to_are_there():
    import re

    root = HERE.parents[1]
    for page in [root / "README.md", *root.glob("docs/*.md"), root / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
