"""Write tokenizer.json, tokenizer_config.json and special_tokens_map.json (whole digit words)."""
import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers  # noqa: F401

from settings import WORDS

SPACE = "\u2581"


def pieces():
    """(piece, score) in id order: specials, bytes, words."""
    rows = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), ("<pad>", 0.0)]
    rows += [(f"<0x{b:02X}>", 0.0) for b in range(256)]
    return rows + [(SPACE + w, -1.0) for w in WORDS]


def write(folder):
    tok = Tokenizer(models.Unigram(pieces(), unk_id=0, byte_fallback=True))
    tok.normalizer = normalizers.Replace(" ", SPACE)
    tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="first", split=False)
    tok.decoder = decoders.Sequence([
        decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)])
    tok.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>", "<pad>")])
    tok.save(os.path.join(folder, "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    added = {str(i): {"content": t, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                      "special": True} for i, t in enumerate(("<unk>", "<s>", "</s>", "<pad>"))}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "processor_class": "KyutaiSpeechToTextProcessor",
              "clean_up_tokenization_spaces": False, "model_max_length": 1000000000000000019884624838656,
              "model_input_names": ["input_ids", "attention_mask"], "added_tokens_decoder": added, **special}
    for name, data in (("tokenizer_config.json", config), ("special_tokens_map.json", special)):
        with open(os.path.join(folder, name), "w") as f:
            json.dump(data, f, indent=2)
            f.write("\n")
