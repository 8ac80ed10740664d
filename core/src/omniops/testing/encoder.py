"""What every sentence encoder must do: vectors of length 1 that depend on the text and on nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from omniops.contracts.knowledge import Encoder, EncoderOffer
from omniops.hookspecs import Plugin
from omniops.testing.suite import Suite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SENTENCES = (
    "The shop is open on Saturday from ten to four.",
    "On Saturdays we open our store at ten o'clock.",
    "Parcels are delivered within two working days.",
    "Our tents are sewn from recycled polyester.",
    "Send unwanted things back within thirty days.",
)
ODD = ("", " ", "👩‍👩‍👧", "東京", "\u200f", "a", "word " * 3000)


class EncoderSuite(Suite):
    """The contract of a sentence encoder. Skipped with its own words where its model is not installed."""

    encoder_name: ClassVar[str | None] = None
    """Which encoder, where the plugin offers several."""
    batch_tolerance: ClassVar[float] = 1e-4
    """How far from 1 the cosine of one text in two batches may lie. int8 models need more than the default."""
    least_components: ClassVar[int] = 30
    """The largest int8 component of ordinary text is at least this: a smaller one wastes the range of an int8."""

    @pytest.fixture
    def offer(self, plugin: Plugin) -> EncoderOffer:
        """The offer under test."""
        found: Sequence[EncoderOffer] = self.offered(plugin, "encoders")
        return self.only(found, [offer.name for offer in found], self.encoder_name, "encoder_name")

    @pytest.fixture
    def encoder(self, offer: EncoderOffer) -> Encoder:
        """The encoder, opened."""
        if offer.missing:
            pytest.skip(f"encoder {offer.name!r}: {offer.missing}")
        return offer.open()

    def test_the_offer_is_complete(self, offer: EncoderOffer) -> None:
        assert offer.title.strip(), "the offer has no title for people"
        assert offer.missing is None or offer.missing.strip(), "`missing` is empty: say what is missing, or None"
        assert all(len(code) == 2 and code.islower() for code in offer.languages), (
            f"languages are ISO 639-1 codes such as 'en', found {sorted(offer.languages)}"
        )

    def test_shape_and_type(self, encoder: Encoder) -> None:
        vectors = encoder.encode(list(SENTENCES))
        assert vectors.shape == (len(SENTENCES), encoder.dimensions), (
            f"encode() of {len(SENTENCES)} texts gave {vectors.shape}, not ({len(SENTENCES)}, {encoder.dimensions})"
        )
        assert str(vectors.dtype) == "float32", f"encode() gave {vectors.dtype}, not float32"
        assert encoder.encode([SENTENCES[0]]).shape == (1, encoder.dimensions), "one text gives no matrix of one row"

    def test_rows_have_length_one(self, encoder: Encoder) -> None:
        lengths = _lengths(encoder.encode(list(SENTENCES)))
        assert all(abs(length - 1) < 1e-3 for length in lengths), f"rows have the lengths {lengths}, not 1"

    def test_odd_texts_give_finite_rows(self, encoder: Encoder) -> None:
        import numpy

        vectors = encoder.encode(list(ODD))
        assert bool(numpy.isfinite(vectors).all()), "an odd text (empty, emoji, very long) gives NaN or infinity"
        for text, length in zip(ODD, _lengths(vectors), strict=True):
            assert abs(length - 1) < 1e-3 or length == 0, (
                f"{text[:10]!r} gives a row of length {length:.3f}, not 1 or 0"
            )

    def test_the_same_text_gives_the_same_row(self, encoder: Encoder) -> None:
        first, second = encoder.encode(list(SENTENCES)), encoder.encode(list(SENTENCES))
        assert bool((first == second).all()), "two calls with the same texts give different vectors"

    def test_a_row_does_not_depend_on_its_batch(self, encoder: Encoder) -> None:
        alone = [encoder.encode([text])[0] for text in SENTENCES]
        for others in (list(SENTENCES), [*SENTENCES, "a " * 200, "short"], list(reversed(SENTENCES))):
            together = encoder.encode(others)
            for text, row in zip(SENTENCES, alone, strict=True):
                cosine = float(together[others.index(text)] @ row)
                assert cosine > 1 - self.batch_tolerance, (
                    f"{text!r} has the cosine {cosine:.5f} with itself when it shares a batch; rows out of order?"
                )

    def test_it_tells_meanings_apart(self, encoder: Encoder) -> None:
        vectors = encoder.encode(list(SENTENCES))
        like, unlike = float(vectors[0] @ vectors[1]), [float(vectors[0] @ row) for row in vectors[2:]]
        assert like > max(unlike), f"a paraphrase has the cosine {like:.3f}, another subject {max(unlike):.3f}"

    def test_loading_from_its_settings_gives_the_same(self, encoder: Encoder) -> None:
        """As the child process does that encodes many passages: settings travel as JSON."""
        settings: dict[str, Any] = json.loads(json.dumps(dict(encoder.settings())))
        loaded = type(encoder).load(settings)
        assert loaded.id == encoder.id, f"the loaded encoder calls itself {loaded.id!r}, not {encoder.id!r}"
        for first, second in zip(encoder.encode(list(SENTENCES)), loaded.encode(list(SENTENCES)), strict=True):
            cosine = float(first @ second)
            assert cosine > 1 - self.batch_tolerance, f"the loaded encoder gives another vector (cosine {cosine:.5f})"

    def test_its_id_names_it(self, encoder: Encoder, offer: EncoderOffer) -> None:
        assert encoder.id.strip(), "the encoder has no id: vectors of two models could mix"
        assert encoder.id == offer.open().id, "opening it twice gives two ids: every passage would be encoded again"
        assert 0 <= encoder.weight <= 1, f"weight is {encoder.weight}; it is a share"

    def test_the_scale_uses_an_int8(self, encoder: Encoder) -> None:
        import numpy

        vectors = encoder.encode(list(SENTENCES))
        scaled = numpy.abs(vectors * encoder.scale)
        clipped = float((scaled > 127).mean())
        assert clipped < 0.005, f"{clipped:.1%} of the components lie beyond an int8; lower the scale"
        assert float(scaled.max()) >= self.least_components, (
            f"the largest component is {float(scaled.max()):.0f} of 127; raise the scale"
        )
        stored = numpy.clip(numpy.rint(vectors * encoder.scale), -127, 127) / encoder.scale
        lost = float(numpy.abs((stored @ stored.T) - (vectors @ vectors.T)).max())
        assert lost < 0.02, f"rounding to int8 moves a cosine by {lost:.3f}"


def _lengths(vectors: NDArray[np.float32]) -> list[float]:
    return [float(length) for length in (vectors.astype("float64") ** 2).sum(axis=1) ** 0.5]
