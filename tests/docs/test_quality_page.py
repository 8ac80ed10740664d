"""The ladder of the page is that of the code, in its words and in its order."""

import re
import tomllib
from pathlib import Path

from omniops.testing.quality import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "quality.md").read_text()
ROW = re.compile(r"^\| `([\w-]+)` \| (.+) \| (.+) \|$", re.MULTILINE)
SEEN = {"heading": "a heading of the README", "test": "a test", "by itself": "looked at"}


def test_every_rule_stands_on_the_page():
    assert ROW.findall(PAGE) == [(rule.key, rule.asks, SEEN[rule.seen]) for rule in RULES]


def test_the_example_names_rules():
    (text,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    example = tomllib.loads(text)
    assert set(example) <= {rule.key for rule in RULES}
    assert [*map(list, example.values())] == [["done"], ["todo"], ["exempt"]]
