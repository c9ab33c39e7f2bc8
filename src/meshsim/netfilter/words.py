"""One line of iptables text as words, and a word as text: the quoting of iptables-restore and iptables-save.

Only double quotes quote, and only inside them a backslash escapes (iptables iptables/xshared.c add_param_to_argv);
what is written back is quoted as libxtables xtables_save_string does.
"""

from __future__ import annotations

from typing import NamedTuple

_PLAIN = frozenset("_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ESCAPED = "\"\\'"


class Word(NamedTuple):
    text: str
    quoted: bool
    """A quoted word is never an option."""


def split_words(line: str) -> tuple[Word, ...]:
    """ValueError when a quote is not closed."""
    words: list[Word] = []
    letters: list[str] = []
    quoted = open_quote = escaped = False
    for letter in line:
        if open_quote:
            if escaped:
                letters.append(letter)
                escaped = False
            elif letter == "\\":
                escaped = True
            elif letter == '"':
                open_quote = False
            else:
                letters.append(letter)
        elif letter == '"':
            open_quote = quoted = True
        elif letter in " \t\r\n":
            if letters or quoted:
                words.append(Word("".join(letters), quoted))
                letters, quoted = [], False
        else:
            letters.append(letter)
    if open_quote:
        raise ValueError("a double quote is not closed")
    if letters or quoted:
        words.append(Word("".join(letters), quoted))
    return tuple(words)


def quote_word(text: str) -> str:
    if text and all(letter in _PLAIN for letter in text):
        return text
    return '"' + "".join("\\" + letter if letter in _ESCAPED else letter for letter in text) + '"'
