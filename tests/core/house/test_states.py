"""Nothing writes a conversation's state but `conversation/states.py`."""

import ast
import gc
from pathlib import Path

import omniops

ROOT = Path(omniops.__file__).parent
OTHERS = {
    "connections/arrivals.py": {"row"},
    "connections/documents.py": {"chosen"},
    "connections/history.py": {"row"},
    "connections/service.py": {"row"},
    "knowledge/fetching.py": {"self"},
    "knowledge/frontier.py": {"page"},
    "knowledge/trials.py": {"trial"},
    "mail/service.py": {"mail"},
    "conversation/fetching.py": {"waiting"},
    "conversation/gaps.py": {"gap"},
    "conversation/outbox.py": {"row"},
    "conversation/reviews.py": {"row"},
    "conversation/turns.py": {"turn"},
    "conversation/tools/approvals.py": {"row"},
    "conversation/tools/running.py": {"row"},
    "privacy/rights/authorities.py": {"row"},
    "privacy/rights/book.py": {"task"},
    "privacy/rights/cases.py": {"case"},
    "privacy/rights/ending.py": {"case"},
    "privacy/rights/letters.py": {"letter"},
    "inbox/drafts.py": {"draft"},
    "privacy/breach/telling.py": {"row"},
    "privacy/persons/duties.py": {"duty", "row", "task"},
    "webhooks/delivering.py": {"before", "delivery"},
}
"""What else has a state of its own, by the name that it has there."""


def writers(source):
    """Names whose `state` is assigned, and calls that make a conversation in a state."""
    found = set()
    gc.disable()  # in CPython 3.11 a traceback that a finalizer writes meanwhile breaks the parser (gh-106905)
    try:
        tree = ast.parse(source)
    finally:
        gc.enable()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "state" and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(ast.unparse(node.value))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Conversation", "setattr")):
            named = [keyword.arg for keyword in node.keywords]
            if "state" in [*named, *(a.value for a in node.args if isinstance(a, ast.Constant))]:
                found.add(ast.unparse(node.func))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "update conversation" in node.value:
            found.add("sql")
    return found


def test_only_move_writes_the_state_of_a_conversation():
    sources = {str(path.relative_to(ROOT)): path for path in ROOT.rglob("*.py") if path.parent.name != "versions"}
    found = {name: writers(path.read_text("utf-8")) for name, path in sources.items()}
    assert found.pop("conversation/states.py") == {"conversation"}
    strange = {name: who - OTHERS.get(name, set()) for name, who in found.items()}
    assert {name: who for name, who in strange.items() if who} == {}


def test_the_rule_sees_a_writer():
    assert writers("conversation.state = 'human'") == {"conversation"}
    assert writers("row.state, row.mode = 'ai', None") == {"row"}
    assert writers("setattr(row, 'state', 'ai')") == {"setattr"}
    assert writers("Conversation(state='human')") == {"Conversation"}
