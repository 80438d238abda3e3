"""Texts as scikit-learn's text vectorizers see them: changed, taken apart, counted, hashed.

This file stands alone: numpy.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np


class Analyzer:
    """Takes texts apart as scikit-learn's text vectorizers do.

    Source: `_VectorizerMixin` and `FeatureHasher` of scikit-learn 1.9.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Prepare.

        Args:
            settings: `analyzer` (`word`, `char`, `char_wb`), `ngrams` (shortest and longest), for words
                `pattern` and `stop_words`; to hash the terms also `features`, their number, and `signed`.
        """
        self._terms = {"word": self._words, "char": self._chars, "char_wb": self._chars_of_words}[
            settings["analyzer"]
        ]
        self._shortest, self._longest = settings["ngrams"]
        self._tokens = re.compile(settings.get("pattern", ""))
        self._stop_words = frozenset(settings.get("stop_words", ()))
        self.features: int | None = settings.get("features")
        self._signed = settings.get("signed", False)
        self._known_word = lru_cache(maxsize=2**14)(self._chars_of_word)  # words come again and again

    def counts(self, texts: Sequence[str]) -> list[Mapping[Any, int]]:
        """How often each term occurs in each text; of hashed terms, the sum of their signs."""
        counts: list[Mapping[Any, int]] = [Counter(self._terms(text)) for text in texts]
        return counts if self.features is None else self._hashed(counts)

    def _words(self, text: str) -> list[str]:
        tokens = [token for token in self._tokens.findall(text) if token not in self._stop_words]
        if self._longest == 1:
            return tokens
        return [" ".join(tokens[start:stop]) for start, stop in self._spans(len(tokens))]

    def _chars(self, text: str) -> list[str]:
        text = _SPACES.sub(" ", text)
        return [text[start:stop] for start, stop in self._spans(len(text))]

    def _spans(self, length: int) -> Iterator[tuple[int, int]]:
        for size in range(self._shortest, min(self._longest, length) + 1):
            for start in range(length - size + 1):
                yield start, start + size

    def _chars_of_words(self, text: str) -> list[str]:
        terms: list[str] = []
        for word in text.split():
            terms += self._known_word(word)
        return terms

    def _chars_of_word(self, word: str) -> list[str]:
        terms: list[str] = []
        padded = f" {word} "
        for size in range(self._shortest, self._longest + 1):
            terms += [padded[start : start + size] for start in range(max(1, len(padded) - size + 1))]
            if len(padded) <= size:  # a short word counts once
                break
        return terms

    def _hashed(self, counts: Sequence[Mapping[str, int]]) -> list[Mapping[Any, int]]:
        terms = list({term: None for count in counts for term in count})
        hashes = murmur3([term.encode() for term in terms]).astype(np.int64)
        size = self.features or 1
        # the smallest hash has no absolute value of 32 bits; scikit-learn's own way out of it
        places = np.where(hashes == -(2**31), (2**31 - size) % size, np.abs(hashes) % size).tolist()
        signs = (np.where(hashes < 0, -1, 1) if self._signed else np.ones_like(hashes)).tolist()
        known = dict(zip(terms, zip(places, signs, strict=True), strict=True))
        result: list[Mapping[Any, int]] = []
        for count in counts:
            sums: dict[int, int] = {}
            for term, times in count.items():
                place, sign = known[term]
                sums[place] = sums.get(place, 0) + sign * times
            result.append(sums)
        return result


_SPACES = re.compile(r"\s\s+")


@lru_cache(maxsize=256)
def analyzer(settings: str) -> Analyzer:
    """The analyzer of some settings, a JSON text; each is made once."""
    return Analyzer(json.loads(settings))


def murmur3(texts: Sequence[bytes]) -> Any:
    """MurmurHash3_x86_32 with the seed 0, as int32.

    Source: https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp, public domain.
    """
    hashes = np.zeros(len(texts), dtype=np.uint32)
    by_length: dict[int, list[int]] = {}
    for index, text in enumerate(texts):
        by_length.setdefault(len(text), []).append(index)
    for length, chosen in by_length.items():
        data = np.frombuffer(b"".join(texts[i] for i in chosen), dtype=np.uint8)
        data = data.reshape(len(chosen), length)
        whole = length - length % 4
        hashed = np.zeros(len(chosen), dtype=np.uint32)
        for word in np.ascontiguousarray(data[:, :whole]).view("<u4").T:
            hashed = _rotated(hashed ^ _scrambled(word), 13) * np.uint32(5) + np.uint32(0xE6546B64)
        tail = np.zeros(len(chosen), dtype=np.uint32)
        for byte in range(length - 1, whole - 1, -1):
            tail = (tail << np.uint32(8)) | data[:, byte]
        hashed ^= _scrambled(tail) ^ np.uint32(length)
        hashed = (hashed ^ (hashed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        hashed = (hashed ^ (hashed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        hashes[chosen] = hashed ^ (hashed >> np.uint32(16))
    return hashes.view(np.int32)


def _scrambled(words: Any) -> Any:
    return _rotated(words * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)


def _rotated(words: Any, bits: int) -> Any:
    return (words << np.uint32(bits)) | (words >> np.uint32(32 - bits))


def _strip_accents_unicode(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _strip_accents_ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


TRANSFORMS = {
    "lower": str.lower,
    "strip_accents_unicode": _strip_accents_unicode,
    "strip_accents_ascii": _strip_accents_ascii,
}
"""What a signature may ask to be done to a text, by name."""
