"""Passwords that everybody tries: a list in the form of a grammar (ASVS 5.0 6.2.4 and 6.2.11).

Few listed passwords are as long as the policy asks for; those that are, are common words lengthened. So the
list is kept as its parts, and a password is taken apart: known words (with the usual replacements of
letters), keyboard walks, dates, repetitions. A password that needs no more than `MAX_PARTS` parts is
refused. That stands for millions of entries without a file; a random password, or one of uncommon words,
has many more parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MAX_PARTS: Final = 4
"""A password of at most this many parts is refused; every character that is in no known part is one."""

_LONGEST_REPEAT: Final = 32
_SHORTEST_WORD: Final = 3
_FREE: Final = frozenset(" -_.,/")
"""Separators: they add nothing to what a guesser has to try."""

# "l", "1" and "!" all stand for "i": words and passwords go through the same table, so no case is ambiguous.
_FOLD: Final = str.maketrans("0134579l!|$@+8", "oieastgiiisatb")
_DATE: Final = re.compile(r"(?:[0-3]\d[01]\d|[01]\d[0-3]\d)?(?:19|20)\d\d")

_WALKS: Final = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
    "12345678901234567890", "01234567890123456789", "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1qazxsw23edcvfr45tgbnhy67ujm", "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "qawsedrftgyhujikolp", "zaqxswcdevfrbgt", "zaq12wsx",
    "a1b2c3d4e5f6g7h8i9", "1a2b3c4d5e6f7g8h9i", "147258369", "159357", "789456123", "112233445566778899",
    "!@#$%^&*()", "qweasdzxc", "asdqwe", "2468013579",
)  # fmt: skip

_WORDS: Final = """
password passw0rd passwort passwd pass motdepasse contrasena parola wachtwoord kennwort secret geheim
private admin administrator administrateur root superuser sysadmin system manager operator service support
helpdesk user username guest login logon signin signon access account default changeme change letmein openup
opensesame welcome hello goodbye test testing tester demo example sample temp temporary trial public
internal backup server database oracle mysql postgres linux ubuntu debian windows microsoft google apple
amazon facebook twitter youtube instagram netflix spotify github gitlab docker kubernetes nvidia cuda tensor
pytorch jupyter cluster compute control plane project training inference workload research scientist
engineer developer runai runplane company office business finance security secure network internet computer
laptop keyboard qwerty qwertyuiop azerty asdf zxcv qazwsx iloveyou ilove loveyou love lovely lover baby
babygirl babyboy angel princess prince queen king sweet sweetheart honey sunshine rainbow flower butterfly
chocolate cookie candy cupcake cherry banana orange lemon strawberry blueberry pepper ginger peanut cheese
pizza coffee whiskey dragon monkey tiger lion eagle falcon hawk wolf shark snake panther bear horse pony
rabbit kitten kitty puppy dolphin elephant turtle chicken animal dog cat fish bird phoenix unicorn football
baseball basketball soccer hockey tennis golf cricket rugby volleyball swimming skateboard liverpool chelsea
arsenal manchester united barcelona madrid juventus milan bayern dortmund lakers yankees cowboys steelers
eagles patriots packers superman batman spiderman ironman avengers pokemon pikachu mario zelda minecraft
fortnite roblox starwars startrek matrix hunter killer warrior ninja samurai pirate wizard magic merlin
gandalf hobbit naruto master shadow ghost demon devil heaven hell death dark darkness light fire water storm
thunder lightning summer winter spring autumn january february march april june july august september
october november december monday tuesday wednesday thursday friday saturday sunday birthday christmas
holiday vacation red blue green yellow purple black white silver gold golden diamond crystal platinum one
two three four five six seven eight nine ten hundred thousand million america american england london paris
france germany berlin spain italy russia moscow china india canada australia mexico brazil texas florida
california newyork chicago boston dallas houston miami michael jennifer jessica ashley amanda sarah daniel
matthew andrew joshua david james robert john joseph thomas william richard charles christopher anthony mark
steven kevin brian george edward ronald timothy jason jeffrey ryan jacob gary nicholas eric jonathan stephen
larry justin scott brandon benjamin samuel gregory frank alexander alexandra raymond patrick jack dennis
jerry tyler aaron jose henry adam douglas nathan peter zachary kyle walter mary patricia linda barbara
elizabeth susan margaret nancy karen lisa betty sandra donna carol ruth sharon michelle laura kimberly
deborah maria stephanie rebecca nicole samantha victoria natalie olivia emily emma sophia isabella charlotte
hannah madison abigail lauren rachel vanessa melissa danielle brittany crystal jordan taylor morgan harley
charlie maggie buster bailey rocky max oscar lucky smokey teddy simba corvette ferrari porsche mercedes
mustang camaro harleydavidson toyota honda yamaha suzuki nissan music guitar piano metal metallica nirvana
beatles eminem slipknot hiphop rockstar freedom forever together family friends friend mother father brother
sister mommy daddy husband wife happy smile funny crazy cool awesome perfect beautiful pretty sexy fucker
fuckyou fuckoff asshole bitch jesus christ jesuschrist god godisgood blessed faith hope peace trust believe
money dollar cash rich bitcoin crypto trustno trustnoone whatever nothing something anything everything
unbelievable correcthorsebatterystaple correcthorse batterystaple starwars thankyou iamgod
"""


class BlockList:
    """The grammar, ready to take passwords apart. Building it takes milliseconds: make one and keep it."""

    def __init__(self) -> None:
        self._words = frozenset(_fold(line) for word in _WORDS.split() for line in (word, word[::-1]))
        self._walks = frozenset(_pieces(_WALKS))
        self._longest = max(map(len, self._words | self._walks))

    def blocks(self, password: str, context: Iterable[str] = ()) -> bool:
        """Whether the password is made of at most MAX_PARTS known parts.

        `context` adds words for this one check, such as the parts of the person's e-mail address.
        """
        own = frozenset(_fold(word) for word in context if len(word) >= _SHORTEST_WORD)
        text = password.casefold()
        folded = _fold(text)
        longest = max(self._longest, *map(len, own), 0)
        fewest = [0]
        for end in range(1, len(text) + 1):
            fewest.append(self._fewest(text, folded, end, fewest, own))
            # No known part reaches further back than `longest`: from here on it can only become more.
            if min(fewest[-max(longest, _LONGEST_REPEAT) - 1 :]) > MAX_PARTS:
                return False
        return fewest[-1] <= MAX_PARTS

    def _fewest(self, text: str, folded: str, end: int, fewest: list[int], own: frozenset[str]) -> int:
        """The fewest parts that make up `text[:end]`, given those of every shorter beginning."""
        best = fewest[end - 1] + (text[end - 1] not in _FREE)
        for start in range(max(0, end - _LONGEST_REPEAT), end):
            length = end - start
            # What was there just before, once more, costs nothing.
            if length <= start and fewest[start] < best and text[start:end] == text[start - length : start]:
                best = fewest[start]
        limit = max(self._longest, *map(len, own), 0)
        for start in range(max(0, end - limit), end - _SHORTEST_WORD + 1):
            if fewest[start] + 1 < best and self._known(text[start:end], folded[start:end], own):
                best = fewest[start] + 1
        return best

    def _known(self, text: str, folded: str, own: frozenset[str]) -> bool:
        return (
            folded in self._words or folded in own or text in self._walks or _DATE.fullmatch(text) is not None
        )


def context_words(*texts: str) -> list[str]:
    """The words of e-mail addresses and names that do not belong into a password of the person they name."""
    words: list[str] = []
    for text in texts:
        parts = [part for part in re.split(r"[\W_]+", text.casefold()) if part]
        words += parts
        words.append("".join(parts))
        if "@" in text:
            words.append(re.sub(r"[\W_]+", "", text.casefold().partition("@")[0]))
    return [word for word in dict.fromkeys(words) if len(word) >= _SHORTEST_WORD]


def _fold(text: str) -> str:
    return text.casefold().translate(_FOLD)


def _pieces(walks: Iterable[str]) -> Iterable[str]:
    for walk in walks:
        for line in (walk, walk[::-1]):
            for start in range(len(line) - _SHORTEST_WORD + 1):
                for end in range(start + _SHORTEST_WORD, len(line) + 1):
                    yield line[start:end]
