#!/usr/bin/env python3
"""Small vocabularies and what sentencepiece and tokenizers make of the same lines: test/fixtures/tokenizer."""

import json
import random
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizer_lines import lines, training_text

FOLDER = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "tokenizer"
# Rules of all kinds: one to one, two to one, one to none, spaces to one, to a space and a letter.
RULES = "E9\t65\n65 301\tE9\nFB01\t66 69\n2003\t20\n20 20\t20\n200B\t\nFF01\t20 21\n"
BYTES = {"byte_fallback": True, "pad_id": 3}
OWN = {"user_defined_symbols": ["@@", "ing", "the ", "<mask>"], "pad_id": 3, "normalization_rules": True}
MODELS = {
    "unigram-nfkc": {"model_type": "unigram", "vocab_size": 600, **BYTES},
    "unigram-rules": {"model_type": "unigram", "vocab_size": 500, "add_dummy_prefix": False,
                      "remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True, **OWN},
    "bpe-identity": {"model_type": "bpe", "vocab_size": 700, "normalization_rule_name": "identity", **BYTES},
    "bpe-rules": {"model_type": "bpe", "vocab_size": 500, "treat_whitespace_as_suffix": True, "unk_surface": " ?? ",
                  "denormalization_rules": True, **OWN},
}  # fmt: skip


def train(name: str, options: dict, work: Path) -> proto.ModelProto:
    (work / "text").write_text("\n".join(training_text()), encoding="utf8")
    (work / "rules").write_text(RULES)
    (work / "back").write_text("71\t51 75\n")
    options = dict(options)
    if options.pop("normalization_rules", False):
        options["normalization_rule_tsv"] = str(work / "rules")
    if options.pop("denormalization_rules", False):
        options["denormalization_rule_tsv"] = str(work / "back")
    sentencepiece.SentencePieceTrainer.train(
        input=str(work / "text"), model_prefix=str(work / name), num_threads=1, minloglevel=2, **options
    )
    model = proto.ModelProto.FromString((work / f"{name}.model").read_bytes())
    for field in ("input", "model_prefix"):
        model.trainer_spec.ClearField(field)  # paths of the machine
    for spec in (model.normalizer_spec, model.denormalizer_spec):
        spec.ClearField("normalization_rule_tsv")
    if not model.denormalizer_spec.precompiled_charsmap:
        model.ClearField("denormalizer_spec")
    # A piece that is made on the way and taken apart again.
    if model.trainer_spec.model_type == 2:
        longest = max((p for p in model.pieces if p.type == 1), key=lambda p: len(p.piece))
        longest.type = 5
    return model


def merges_of(model: proto.ModelProto) -> list[tuple[str, str]]:
    """As transformers' converters made them from the scores."""
    ids = {piece.piece: i for i, piece in enumerate(model.pieces)}
    merges = []
    for piece in model.pieces:
        text = piece.piece
        pairs = [(text[:i], text[i:]) for i in range(1, len(text)) if text[:i] in ids and text[i:] in ids]
        merges += [(a, b, piece.score) for a, b in sorted(pairs, key=lambda pair: (ids[pair[0]], ids[pair[1]]))]
    return [(a, b) for a, b, _ in sorted(merges, key=lambda m: (m[2], len(m[0]), len(m[1])), reverse=True)]


def convert(model: proto.ModelProto, charsmap: bytes) -> Tokenizer:
    """As transformers' MoshiConverter."""
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    if model.trainer_spec.model_type == 1:
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    else:
        ids = {piece: i for i, (piece, _) in enumerate(pieces)}
        tokenizer = Tokenizer(
            models.BPE(ids, merges_of(model), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
        )
    special = [AddedToken(p.piece, normalized=False, special=True) for p in model.pieces if p.type in (2, 3)]
    tokenizer.add_special_tokens(special)
    steps = [normalizers.Replace(" ", "▁")]
    if charsmap:
        steps.insert(0, normalizers.Precompiled(charsmap))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)]
    )
    return tokenizer


def results(encode, decode, size: int, text: list[str]) -> dict:
    source = random.Random(3)
    low = min(size, 260)
    any_ids = [
        [source.randrange(source.choice([size, low])) for _ in range(source.randrange(16))] for _ in range(300)
    ]
    encoded = [encode(line) for line in text]
    return {
        "ids": [" ".join(map(str, ids)) for ids in encoded],
        # null: the line itself
        "texts": [None if decode(ids) == line else decode(ids) for ids, line in zip(encoded, text)],
        "any_ids": [" ".join(map(str, ids)) for ids in any_ids],
        "any_texts": [decode(ids) for ids in any_ids],
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = lines()
    expected = {}
    with tempfile.TemporaryDirectory() as temporary:
        made = {name: train(name, options, Path(temporary)) for name, options in MODELS.items()}
    for name, model in made.items():
        (FOLDER / f"{name}.model").write_bytes(model.SerializeToString())
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
        expected[f"{name}.model"] = results(processor.encode, processor.decode, processor.get_piece_size(), text)
    charsmap = made["unigram-rules"].normalizer_spec.precompiled_charsmap
    for name, source, rules in [("unigram", "unigram-nfkc", charsmap), ("bpe", "bpe-identity", b"")]:
        tokenizer = convert(made[source], rules)
        tokenizer.save(str(FOLDER / f"{name}.json"), pretty=False)
        expected[f"{name}.json"] = results(
            lambda line: tokenizer.encode(line).ids,
            lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
            tokenizer.get_vocab_size(),
            text,
        )
    document = {"lines": text, "models": expected}
    (FOLDER / "expected.json").write_text(json.dumps(document, ensure_ascii=False, indent=0), encoding="utf8")


if __name__ == "__main__":
    main()
