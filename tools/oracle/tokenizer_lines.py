"""Lines that tokenizers disagree on when one of them is not exact: every run of this gives the same ones."""

import pydoc_data.topics
import random
import unicodedata

FRENCH = (
    "Le garçon à l'œil noir s'est levé très tôt ; où était-il allé ? Ça, naïve Zoé l'ignorait : déjà, l’été s'achève… "
    "«Voilà», dit-elle — c'était Noël, cœur léger, forêt, maïs, aiguë, hôpital, bûche, goût, dû, pâté, crème brûlée"
).split()
ENGLISH = (
    "The quick brown fox jumps over the lazy dog; don't stop: it's 3.14 o'clock, and we've seen $5.00 (maybe) "
    "e-mail@x.org, U.S.A. Mr. Quilter is the apostle of the middle classes"
).split()
EMOJI = [chr(c) for c in range(0x1F300, 0x1F6FF, 7)] + ["👨‍👩‍👧", "🇫🇷", "👍🏽", "❤️", "☺️", "1️⃣", "©️", "™"]
MARKS = [chr(c) for c in [*range(0x300, 0x36F), 0x591, 0x64B, 0x903, 0x94D, 0xE31, 0x200D, 0x200C, 0xFE0F, 0x20DD]]
SPACES = [" ", "  ", "   ", "\u00a0", "\u2003", "\u3000", "\u200b", "▁", "▁▁", " ▁", " " * 40, "\t", "\u202f", "\ufeff"]
CONTROLS = [chr(c) for c in [*range(0, 32), 127, 0x85, 0x9F, 0xAD, 0x200E, 0x2028, 0xFFFD, 0xFFFF, 0xE000, 0x10FFFF]]
TOKENS = ["<unk>", "<s>", "</s>", "<pad>", "<0x41>", "<0xE2>", "<0x", "<mask>", "@@"]
FIXED = ["", " ", "  ", "▁", "▁▁▁", "a", " a", "a ", " a ", "\u3000", "é", "e\u0301", "ﬁ", "①", "½", "ﾊﾞ", "ﷺ", "\u0344",
         "x\u200dy", "\u0600a", "\r\n", "a\r\nb", "😀", "a😀b", "\x00a", "a\x00", "\x00"]  # fmt: skip


def training_text() -> list[str]:
    """English from the manual pages that Python carries, and French."""
    lines = [line.strip() for topic in pydoc_data.topics.topics.values() for line in topic.split("\n")]
    source = random.Random(1)
    french = [" ".join(source.choice(FRENCH) for _ in range(12)) for _ in range(800)]
    return [line for line in lines if line][:6000] + french


def lines(count: int = 1500) -> list[str]:
    source = random.Random(7)
    text = training_text()

    def character(low: int, high: int) -> str:
        while True:
            code = source.randrange(low, high)
            if not 0xD800 <= code < 0xE000:
                return chr(code)

    def mix(most: int, *choices) -> str:
        return "".join(source.choice(source.choice(choices)) for _ in range(source.randrange(1, most)))

    def cjk() -> list[str]:
        return [character(0x4E00, 0x9FFF), character(0x3040, 0x30FF), character(0xAC00, 0xD7A3), character(0xFF00, 0xFFEF)]

    makers = [
        lambda: source.choice(text)[:100],
        lambda: " ".join(source.choice(FRENCH + ENGLISH) for _ in range(source.randrange(1, 12))),
        lambda: "".join(character(1, 0x110000) for _ in range(source.randrange(1, 12))),
        lambda: "".join(character(0x20, 0x3000) for _ in range(source.randrange(1, 16))),
        lambda: mix(10, EMOJI, ENGLISH, [" "], MARKS),
        lambda: "".join(source.choice("aeiouézх한が☺©") + mix(4, MARKS) for _ in range(source.randrange(1, 6))),
        lambda: "".join(source.choice([*cjk(), " ", source.choice(MARKS)]) for _ in range(source.randrange(1, 14))),
        lambda: mix(12, SPACES, ENGLISH, FRENCH),
        lambda: mix(12, CONTROLS, ENGLISH, SPACES),
        lambda: mix(10, TOKENS, ENGLISH, SPACES, EMOJI),
        lambda: unicodedata.normalize(source.choice(["NFD", "NFKD"]), " ".join(source.choice(FRENCH) for _ in range(6))),
        lambda: source.choice("ab xé▁") * source.randrange(1, 120),
    ]
    made = list(FIXED)
    while len(made) < count:
        made.append(makers[len(made) % len(makers)]())
    return made
