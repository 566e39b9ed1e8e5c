"""A small Unigram tokenizer with byte fallback, put together like transformers' MoshiConverter does."""

from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
BYTES_FROM = 300  # smaller vocabularies have no room for the 256 byte pieces


def pieces(count: int) -> list[tuple[str, float]]:
    """`count` pieces with their log probabilities."""
    names = list(SPECIAL)
    if count >= BYTES_FROM:
        names += [f"<0x{byte:02X}>" for byte in range(256)]
    names += ["\u2581", ",", ".", "'", "e", "é"]
    consonants, vowels = "bdfgklmnprstvz", "aeiou"
    for prefix in ("\u2581", ""):
        for first in consonants:
            for vowel in vowels:
                for last in ("", *consonants):
                    names.append(prefix + first + vowel + last)
    names += [f"\u2581w{i}" for i in range(max(0, count - len(names)))]
    return [(name, 0.0 if name in SPECIAL else -0.01 * i) for i, name in enumerate(names[:count])]


def make_tokenizer(count: int) -> PreTrainedTokenizerFast:
    model = Unigram(pieces(count), unk_id=0, byte_fallback=count >= BYTES_FROM)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Replace(" ", "\u2581")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
    )
