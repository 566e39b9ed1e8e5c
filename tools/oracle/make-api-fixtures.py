"""Golden results of the feature extractor, the configuration and the tokenizer, from transformers itself.

    python tools/oracle/make-api-fixtures.py        (environment: tools/oracle/requirements.txt)

Writes test/fixtures/api/*.json and test/fixtures/api/tokenizer/. Small numbers only: rates of 10 Hz, multiples of 1/64.
"""

import json
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    KyutaiSpeechToTextConfig,
    KyutaiSpeechToTextFeatureExtractor,
    MimiConfig,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

OUT = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "api"
LONG = [(i + 1) / 64 for i in range(10)]
SHORT = [-(i + 1) / 64 for i in range(5)]

# name, feature extractor arguments, audio, call arguments; sampling_rate 10 is added to both.
CASES = [
    ("one recording", {}, LONG, {}),
    ("a batch", {}, [LONG, SHORT], {}),
    ("longest", {}, [SHORT, LONG], {"padding": "longest"}),
    ("no padding", {}, LONG, {"padding": False}),
    ("do_not_pad keeps a mask", {}, LONG, {"padding": "do_not_pad"}),
    ("max_length", {}, [LONG, SHORT], {"padding": "max_length", "max_length": 13}),
    ("max_length without effect on longest", {}, [LONG, SHORT], {"padding": True, "max_length": 7}),
    ("truncation pads by default", {}, [LONG, SHORT], {"truncation": True, "max_length": 7}),
    ("truncation alone", {}, [LONG, SHORT], {"truncation": True, "padding": False, "max_length": 3}),
    ("delay and prefix", {"audio_delay_seconds": 0.56, "audio_silence_prefix_seconds": 0.39}, [LONG, SHORT], {}),
    ("left side, padding value", {"padding_side": "left", "padding_value": 0.5}, [LONG, SHORT], {}),
    ("chunks, padded", {"chunk_length_s": 0.4, "overlap": 0.25}, [LONG, SHORT], {}),
    ("chunks, truncated", {"chunk_length_s": 0.4, "overlap": 0.25}, [LONG, SHORT], {"truncation": True, "padding": False}),
    ("chunks, less than one", {"chunk_length_s": 0.4, "overlap": 0.25}, [SHORT[:2]], {"truncation": True, "padding": False}),
    ("chunks with max_length", {"chunk_length_s": 0.4, "overlap": 0.25}, [LONG, SHORT], {"padding": "max_length", "max_length": 15}),
    ("chunk length without overlap", {"chunk_length_s": 0.4}, [LONG, SHORT], {}),
    ("padding with truncation", {}, LONG, {"padding": True, "truncation": True}),
    ("max_length missing", {}, LONG, {"padding": "max_length"}),
    ("truncation without max_length", {}, LONG, {"truncation": True}),
    ("unknown strategy", {}, LONG, {"padding": "widest"}),
    ("different lengths, no padding", {}, [LONG, SHORT], {"padding": False}),
    ("wrong rate", {}, LONG, {"sampling_rate": 11}),
    ("two channels for mono", {}, [[LONG, LONG]], {}),
    ("no padding value", {"padding_value": None}, [LONG, SHORT], {}),
]

PIECES = ["▁", "s", ",", ".", "'", "▁the", "▁to", "er", "▁and", "▁of", "▁is", "▁we", "▁are", "▁Mr", "▁qu", "il", "t", "é"]
SEQUENCES = [
    [48000, 3, 3, 0, 273, 263, 3, 3, 0, 274, 275, 276, 267, 0, 270, 3, 0, 265],
    [3, 3, 3],
    [],
    [48000],
    [0, 260, 276, 267],
    [260, 260, 265],
    [265, 0x1F600 + 4, 266],
    [4 + 0xC3, 4 + 0xA9, 265],
    [4 + 0xC3, 265, 4 + 0xA9],
    [4 + 0xF0, 4 + 0x9F, 4 + 0x98, 265, 277],
    [4 + 0xEF, 4 + 0xBB, 4 + 0xBF, 265],
    [1, 265, 2],
    [268, 262, 269, 264, 261],
]


def feature_case(name, config, audio, call):
    is_batch = isinstance(audio[0], list)
    arrays = [np.asarray(one, dtype=np.float32) for one in audio] if is_batch else np.asarray(audio, dtype=np.float32)
    case = {"name": name, "config": {"sampling_rate": 10, **config}, "audio": audio, "call": {"sampling_rate": 10, **call}}
    try:
        result = KyutaiSpeechToTextFeatureExtractor(**case["config"])(arrays, return_tensors="np", **case["call"])
    except ValueError as error:
        return {**case, "error": str(error).split("\n")[0]}
    for key, value in result.items():
        case[key] = {"dims": list(value.shape), "data": value.ravel().tolist()}
    return case


def make_tokenizer():
    vocab = ["<unk>", "<s>", "</s>", "<pad>"] + [f"<0x{byte:02X}>" for byte in range(256)] + PIECES
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in vocab], unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in vocab[:4]])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", clean_up_tokenization_spaces=False)


def write(name, value):
    (OUT / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    logging.set_verbosity_error()
    (OUT / "tokenizer").mkdir(parents=True, exist_ok=True)
    write("feature-extractor.json", [feature_case(*case) for case in CASES])
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(OUT / "tokenizer")
    write(
        "decode.json",
        [
            {"ids": ids, "skipped": tokenizer.decode(ids, skip_special_tokens=True), "full": tokenizer.decode(ids)}
            for ids in SEQUENCES
        ],
    )
    mimi = MimiConfig(upsampling_ratios=[4, 3], num_residual_layers=2, use_conv_shortcut=True, rope_theta=3.0)
    write(
        "config.json",
        {
            "default": KyutaiSpeechToTextConfig().to_diff_dict(),
            "mimi": {"frame_size": mimi.frame_size, "frame_rate": mimi.frame_rate, "encodec_frame_rate": mimi.encodec_frame_rate},
        },
    )


if __name__ == "__main__":
    main()
