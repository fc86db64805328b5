"""X-SAMPA (Wells, 1995), the spelling of IPA in ASCII, and SAMPA, which is a part of it for most languages."""

import re

from auscult.corpora.ipa import symbol_pairs

__all__ = ["from_xsampa"]

_LETTERS = symbol_pairs(
    r"a:a b:b d:d e:e f:f g:ɡ h:h i:i j:j k:k l:l m:m n:n o:o p:p q:q r:r s:s t:t u:u v:v w:w x:x y:y z:z c:c "
    r"A:ɑ B:β C:ç D:ð E:ɛ F:ɱ G:ɣ H:ɥ I:ɪ J:ɲ K:ɬ L:ʎ M:ɯ N:ŋ O:ɔ P:ʋ Q:ɒ R:ʁ S:ʃ T:θ U:ʊ V:ʌ W:ʍ X:χ Y:ʏ Z:ʒ "
    r"1:ɨ 2:ø 3:ɜ 4:ɾ 5:ɫ 6:ɐ 7:ɤ 8:ɵ 9:œ @:ə {:æ }:ʉ &:ɶ ?:ʔ B\:ʙ G\:ɢ H\:ʜ I\:ɪ̈ J\:ɟ K\:ɮ L\:ʟ M\:ɰ N\:ɴ "
    r"O\:ʘ R\:ʀ U\:ʊ̈ X\:ħ h\:ɦ j\:ʝ l\:ɺ p\:ɸ r\:ɹ s\:ɕ v\:ʋ x\:ɧ z\:ʑ 3\:ɞ @\:ɘ ?\:ʕ |\:ǀ !\:ǃ =\:ǂ <\:ʢ "
    r">\:ʡ |\|\:ǁ b_<:ɓ d_<:ɗ g_<:ɠ G\_<:ʛ J\_<:ʄ t`:ʈ d`:ɖ n`:ɳ l`:ɭ r`:ɽ s`:ʂ z`:ʐ r\`:ɻ @`:ɚ 3`:ɝ"
)
# Length, stress, syllabicity and marks that follow a letter.
_MARKS = {
    ":": "ː",
    ":\\": "ˑ",
    "=": "\u0329",
    "~": "\u0303",
    "'": "ʲ",
    "`": "˞",
    "_=": "\u0329",
    "_~": "\u0303",
    "_^": "\u032f",
    "_h": "ʰ",
    "_w": "ʷ",
    "_j": "ʲ",
    "_G": "ˠ",
    "_?\\": "ˤ",
    "_>": "ʼ",
    "_0": "\u0325",
    "_v": "\u032c",
    "_t": "\u0324",
    "_k": "\u0330",
    "_d": "\u032a",
    "_a": "\u033a",
    "_m": "\u033b",
    "_N": "\u033c",
    "_O": "\u0339",
    "_c": "\u031c",
    "_+": "\u031f",
    "_-": "\u0320",
    '_"': "\u0308",
    "_x": "\u033d",
    "_e": "\u0334",
    "_r": "\u031d",
    "_o": "\u031e",
    "_A": "\u0318",
    "_q": "\u0319",
    "_n": "ⁿ",
    "_l": "ˡ",
    "_}": "\u031a",
    "_X": "\u0306",
    "_T": "\u030b",
    "_H": "\u0301",
    "_M": "\u0304",
    "_L": "\u0300",
    "_B": "\u030f",
    "_R": "\u030c",
    "_F": "\u0302",
}
_SYMBOLS = {**_LETTERS, **_MARKS, "-\\": "\u203f", "_": "\u0361"}
_TOKEN = re.compile("|".join(re.escape(symbol) for symbol in sorted(_SYMBOLS, key=len, reverse=True)))


def from_xsampa(label: str) -> str | None:
    """Return a label of X-SAMPA in IPA, None if it has a character outside of X-SAMPA.

    A bare ``_`` between two letters ties them.

    >>> from_xsampa("t_S"), from_xsampa("r\\\\"), from_xsampa("{:")
    ('t͡ʃ', 'ɹ', 'æː')
    """
    tokens = _TOKEN.findall(label)
    return "".join(_SYMBOLS[token] for token in tokens) if "".join(tokens) == label else None
