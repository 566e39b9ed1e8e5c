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
    KyutaiSpeechToTextProcessor,
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

# Recordings, extractor arguments, arguments of pad(); sampling_rate 10 is added to the extractor's.
PAD_CASES = [
    ("longest by default", [LONG, SHORT], {}, {}),
    ("multiple", [LONG, SHORT], {}, {"pad_to_multiple_of": 4}),
    ("multiple of a length that is one", [LONG[:8], SHORT], {}, {"pad_to_multiple_of": 4}),
    ("max_length and multiple, no mask", [LONG, SHORT], {}, {"padding": "max_length", "max_length": 11, "pad_to_multiple_of": 4, "return_attention_mask": False}),
    ("truncation", [LONG, SHORT], {}, {"truncation": True, "max_length": 3}),
    ("truncation to a multiple", [LONG, SHORT], {}, {"truncation": True, "max_length": 3, "pad_to_multiple_of": 4}),
    ("left", [LONG, SHORT], {"padding_side": "left", "padding_value": -1.0}, {"pad_to_multiple_of": 3}),
    ("mask as the extractor says", [LONG, SHORT], {"return_attention_mask": False}, {}),
    ("one recording as it is", [LONG], {}, {"padding": False}),
    ("max_length missing", [LONG], {}, {"padding": "max_length"}),
    ("truncation without max_length", [LONG], {}, {"truncation": True}),
    ("unknown side", [LONG, SHORT], {"padding_side": "up"}, {}),
    ("no padding value", [LONG, SHORT], {"padding_value": None}, {}),
]

# Recordings that an extractor for two channels refuses. Those it should take fail in transformers 5.18, too: its silence
# is added to arrays of two dimensions whatever the channels.
STEREO_CASES = [
    ("mono", LONG),
    ("three channels", [LONG, LONG, LONG]),
]

# chunk_length_s, overlap, sampling_rate
CHUNKS = [(None, None, 24000), (1.0, None, 24000), (None, 0.5, 24000), (1.0, 0.0, 24000), (0.1, 0.3, 24000), (1.0, 1.0, 10), (0.3, 0.1, 16000), (1.1, 0.01, 44100)]

# Constructor arguments of the two configurations; what they come to, or the error.
CONFIG_CASES = [
    {},
    {"hidden_size": 160, "num_attention_heads": 5},
    {"hidden_size": 100, "num_attention_heads": 8},
    {"num_key_value_heads": 4, "head_dim": 48},
    {"rope_theta": 5000.0},
    {"rope_parameters": {"rope_theta": 7.0, "rope_type": "default"}},
    {"codec_config": {"model_type": "mimi", "num_filters": 5, "upsampling_ratios": [4, 4]}},
    {"audio_encoder_config": {"a": 1}, "depth__config": {"b": 2}, "note": "kept"},
    {"eos_token_id": [1, 2]},
    {"pad_token_id": None, "bos_token_id": None, "audio_bos_token_id": None, "audio_pad_token_id": None},
    {"attention_dropout": 0},
    {"ffn_dim": 11},
    {"hidden_size": "a"},
    {"num_hidden_layers": 1.5},
    {"use_cache": 1},
    {"sliding_window": None},
    {"codec_config": 3},
]
MIMI_CASES = [
    {},
    {"frame_rate": 10.0},
    {"upsampling_ratios": [4, 3], "num_residual_layers": 2, "use_conv_shortcut": True, "rope_theta": 3.0},
    {"head_dim": 0, "hidden_size": 96, "num_attention_heads": 6},
    {"upsampling_ratios": []},
    {"num_semantic_quantizers": 32},
    {"num_quantizers": "8"},
]
# What a call of the embedded model's processor gives beside the audio's tensors: name, texts, audio rows, arguments.
TEXT_CASES = [
    ("one text", "one two", 1, {}),
    ("padded", ["one two", "three"], 2, {"padding": True}),
    ("padded on the left", ["one two", "three"], 2, {"text_kwargs": {"padding": "longest", "padding_side": "left"}}),
    ("cut and padded", ["one two three", "three"], 2, {"text_kwargs": {"max_length": 2, "truncation": True, "padding": "max_length"}}),
    ("of equal lengths", ["one two", "six seven"], 2, {"common_kwargs": {"return_tensors": "pt"}}),
    ("nothing", "", 1, {}),
    ("unknown words", "hello", 1, {"add_special_tokens": True}),
    ("another number of texts", ["one", "two"], 1, {}),
    ("different lengths", ["one two", "three"], 2, {}),
    ("twice", "one", 1, {"padding": True, "text_kwargs": {"padding": True}}),
    ("no text", 3, 1, {}),
]
# Other calls that end in an error: the arguments.
PROCESSOR_ERRORS = [
    {},
    {"audios": [0.0]},
    {"audio": [0.0], "return_tensors": "list"},
    {"audio": [0.0], "sampling_rate": 16000},
    {"audio": [0.0], "padding": True, "audio_kwargs": {"padding": False}},
]
DERIVED = {"mimi": ["frame_size", "frame_rate", "encodec_frame_rate", "num_codebooks"], "kyutai_speech_to_text": ["frame_size"]}

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


def pad_case(name, audio, config, call):
    case = {"name": name, "audio": audio, "config": config, "call": call}
    extractor = KyutaiSpeechToTextFeatureExtractor(sampling_rate=10, **config)
    try:
        result = extractor.pad({"input_values": [np.asarray(one, dtype=np.float32) for one in audio]}, return_tensors="np", **call)
    except ValueError as error:
        return {**case, "error": str(error).split("\n")[0]}
    return {**case, **{key: {"dims": list(value.shape), "data": value.ravel().tolist()} for key, value in result.items()}}


def stereo_case(name, audio):
    extractor = KyutaiSpeechToTextFeatureExtractor(feature_size=2, sampling_rate=10)
    try:
        extractor(np.asarray(audio, dtype=np.float32), sampling_rate=10)
    except ValueError as error:
        return {"name": name, "audio": audio, "error": str(error)}
    raise SystemExit(f"{name} is not refused")


def chunk_case(length, overlap, rate):
    extractor = KyutaiSpeechToTextFeatureExtractor(chunk_length_s=length, overlap=overlap, sampling_rate=rate)
    config = {"chunk_length_s": length, "overlap": overlap, "sampling_rate": rate}
    return {"config": config, "chunk_length": extractor.chunk_length, "chunk_stride": extractor.chunk_stride}


def config_case(cls, values):
    try:
        config = cls(**values)
    except Exception as error:
        return {"values": values, "error": str(error).strip().split("\n")[-1].strip()}
    derived = {name: getattr(config, name) for name in DERIVED[cls.model_type]}
    diff = json.loads(config.to_json_string())
    diff.pop("transformers_version")
    return {"values": values, "diff": diff, "derived": derived}


def text_case(processor, name, text, rows, call):
    case = {"name": name, "text": text, "rows": rows, "call": call}
    try:
        result = processor(text=text, audio=[np.zeros(2400, dtype=np.float32)] * rows, **call)
    except ValueError as error:
        return {**case, "error": str(error)}
    return {**case, "keys": sorted(result), **{key: result[key].tolist() for key in ("input_ids", "attention_mask")}}


def processor_error(processor, call):
    arguments = {key: np.zeros(10, dtype=np.float32) if key in ("audio", "audios") else value for key, value in call.items()}
    try:
        processor(**arguments)
    except ValueError as error:
        return {"call": call, "error": str(error)}
    raise SystemExit(f"{call} is not refused")


def processor_cases():
    processor = KyutaiSpeechToTextProcessor.from_pretrained(OUT.parents[2] / "models" / "digits-en")
    try:
        processor.apply_chat_template([{"role": "user", "content": "one"}])
    except ValueError as error:
        chat = str(error)
    return {
        "model_input_names": processor.model_input_names,
        "text": [text_case(processor, *case) for case in TEXT_CASES],
        "errors": [processor_error(processor, call) for call in PROCESSOR_ERRORS],
        "chat": chat,
    }


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
    write(
        "checklist.json",
        {
            "pad": [pad_case(*case) for case in PAD_CASES],
            "stereo": [stereo_case(*case) for case in STEREO_CASES],
            "chunks": [chunk_case(*case) for case in CHUNKS],
            "config": [config_case(KyutaiSpeechToTextConfig, values) for values in CONFIG_CASES],
            "mimi_config": [config_case(MimiConfig, values) for values in MIMI_CASES],
            "feature_extractor": json.loads(KyutaiSpeechToTextFeatureExtractor().to_json_string()),
        },
    )
    write("processor.json", processor_cases())
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
