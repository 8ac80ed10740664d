"""The model is made of the original weights, which are installed for developers, and then tried as any encoder is."""

from pathlib import Path

import pytest
from omniops.errors import Rejected
from omniops.testing import EncoderSuite, PluginSuite, context
from omniops_minilm import MiniLMPlugin
from omniops_minilm.encoder import EXACT, MiniLMEncoder
from omniops_minilm.files import MODEL, TOKENIZER
from omniops_minilm.model import MiniLMModel


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The folder of the model, made once."""
    model = MiniLMModel(tmp_path_factory.mktemp("minilm"), None)
    if model.local_source() is None:
        pytest.skip("the weights are not installed (dependency group `weights`)")
    return model.install(source="package", progress=lambda what, share: None, download=None)


class TestPlugin(PluginSuite):
    plugin_name = "minilm"


class TestEncoder(EncoderSuite):
    plugin_name = "minilm"
    batch_tolerance = 0.02  # int8 activations are scaled by what is largest in a batch

    @pytest.fixture
    def context(self, plugin_class, made, tmp_path):
        return context("minilm", plugin_class.Settings(path=made), folder=tmp_path)


def test_what_is_made_of_the_weights_is_the_model_that_was_published(made):
    """`install` checks it against similarities that were published with the weights."""
    assert {MODEL, TOKENIZER} <= {path.name for path in made.iterdir()}
    assert any("LICENSE" in path.name.upper() for path in made.iterdir())


def test_processors_that_overflow_are_told_to_compute_exactly(made):
    """Seen with an emulated Haswell: .6974 for .7052 of the first reference without, the same ones with it."""
    options = MiniLMEncoder(str(made)).session.get_session_options()
    assert options.get_session_config_entry(EXACT) == "1"


def test_other_weights_are_refused(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        (source / name).write_bytes(b"{}")
    with pytest.raises(Rejected):
        MiniLMModel(tmp_path / "target", None).install(
            source=str(source), progress=lambda what, share: None, download=None
        )
    assert not [path for path in Path(tmp_path / "target").rglob("*") if path.is_file()]


def test_without_its_model_it_says_what_to_do(tmp_path):
    plugin = MiniLMPlugin(context("minilm", MiniLMPlugin.Settings(), folder=tmp_path))
    (offer,) = plugin.encoders()
    assert "omniops models install minilm" in offer.missing
