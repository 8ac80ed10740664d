"""What `omniops eval answers` measures: the window where sentences are marked, silence on every collection."""

import json

import pytest
from omniops.defaults.hybrid import HybridPlugin
from omniops.defaults.quoting.provider import QuotingProvider
from omniops.knowledge.collection import load, with_unanswerable
from omniops.knowledge.evaluate import answers
from omniops.testing.fakes import context

THINGS = "lamp table chair kettle carpet mirror window ladder basket candle pillow shovel".split()


def written(folder, queries):
    """A collection of one document per thing."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": thing, "title": thing.capitalize(), "text": f"Our {thing} weighs {n} pounds. It comes from Norway."}
        for n, thing in enumerate(THINGS)
    ]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    rows = [f"{q['_id']}\t{q['_id']}\t1" for q in queries if q["_id"] in THINGS]
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows))
    return load(folder)


@pytest.fixture
def measure(tmp_path):
    (offer,) = HybridPlugin(context("hybrid", HybridPlugin.Settings(), folder=tmp_path)).knowledge_indexes()

    async def run(queries):
        return await answers(written(tmp_path / "set", queries), offer, QuotingProvider(lambda: None), None)

    return run


def question(thing, **metadata):
    return {"_id": thing, "text": f"What does the {thing} weigh?", "metadata": metadata}


async def test_a_set_without_unanswerable_questions_is_halved_so_that_silence_is_measured(measure):
    report = await measure([question(thing) for thing in THINGS])
    assert 0 < report.held_out < len(THINGS)
    assert (report.answerable, report.unanswerable) == (len(THINGS) - report.held_out, report.held_out)
    assert report.metrics == {"auroc": 1.0}
    assert report.levels["unanswerable"]["answer"] == 0
    assert report.to_json()["held_out"] == report.held_out


async def test_a_set_that_marks_its_unanswerable_questions_is_taken_as_it_is(measure):
    marked = [question(thing, gold_sentences=[f"Our {thing} weighs {n} pounds."]) for n, thing in enumerate(THINGS)]
    unknown = {"_id": "x", "text": "Which zebra plays chess?", "metadata": {"answerable": False}}
    report = await measure([*marked, unknown])
    assert (report.held_out, report.answerable, report.unanswerable) == (0, len(THINGS), 1)
    assert report.metrics == {"window": 1.0, "answered": 1.0, "auroc": 1.0}


def test_halving_is_the_same_every_time_and_keeps_what_is_left_whole(tmp_path):
    collection = written(tmp_path / "set", [question(thing) for thing in THINGS])
    once, taken = with_unanswerable(collection)
    again, _ = with_unanswerable(collection)
    assert once == again
    assert len(once.passages) == len(once.documents) == len(THINGS) - taken
    assert {q.id for q in once.queries if q.metadata["answerable"]} == set(once.documents)


@pytest.mark.parametrize("what", ["retrieval", "answers"])
def test_a_program_that_asks_for_json_reads_json_and_nothing_else(command, tmp_path, what):
    written(tmp_path / "set", [question(thing) for thing in THINGS])
    done = command("eval", what, str(tmp_path / "set"), "--json", OMNIOPS_ENCODER="wordllama")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]
    assert done.stderr == ""
