"""What the keys of purposes, categories and retention classes are called for people, in ten languages."""

from __future__ import annotations

from omniops.privacy.catalog import Catalog
from omniops.privacy.notices import choices
from omniops.privacy.rights.words import spoken, word, words


class Titles:
    """Titles of one language. What a plugin declares is called as it declared it."""

    def __init__(self, catalog: Catalog, language: str) -> None:
        self.language = spoken(language)
        self._catalog = catalog
        self._asked = {choice.purpose: choice.title for choice in choices(catalog, self.language)}

    def word(self, key: str) -> str:
        """A text of the words of rights. Raises `KeyError` for a key there is not."""
        return word(self.language, key)

    def purpose(self, key: str) -> str:
        """What a person is asked for is called as it was when they were asked."""
        return self._asked.get(key) or self._title("purpose", key, self._catalog.purpose_title(key))

    def category(self, key: str) -> str:
        known = self._catalog.categories.get(key)
        return self._title("category", key, known.title if known else key)

    def retention(self, key: str) -> str:
        known = self._catalog.retention.get(key)
        return self._title("retention", key, known.title if known else key)

    def _title(self, kind: str, key: str, otherwise: str) -> str:
        return words(self.language).get(f"{kind}.{key}", otherwise)
