"""Write the model folder with transformers' own save_pretrained.

--codec and --decoder name state files of the training stages; without them the weights are random
(the same layout, for integration work).
"""
import argparse
import json
import os

import torch
from transformers import (GenerationConfig, KyutaiSpeechToTextConfig, KyutaiSpeechToTextFeatureExtractor,
                          KyutaiSpeechToTextForConditionalGeneration)

import tokenizer
from settings import DELAY_SECONDS, PAD, SAMPLE_RATE, TEXT_CARD, codec_config, lm_config


def build():
    """The model on its final configuration, randomly initialised, lm_head's start row zero."""
    config = KyutaiSpeechToTextConfig(codec_config=dict(model_type="mimi", **codec_config()), **lm_config())
    model = KyutaiSpeechToTextForConditionalGeneration(config)
    with torch.no_grad():
        model.lm_head.weight[TEXT_CARD] = 0
        model.model.embed_tokens.embed_tokens.weight[-1] = 0
        for layer in (*model.codec_model.quantizer.semantic_residual_vector_quantizer.layers,
                      *model.codec_model.quantizer.acoustic_residual_vector_quantizer.layers):
            layer.codebook.embed_sum.normal_()
    return model


def save(model, folder):
    os.makedirs(folder, exist_ok=True)
    codec = model.codec_model
    for name in ("model", "lm_head"):
        getattr(model, name).to(torch.bfloat16)
    model.config.dtype = torch.bfloat16
    codec.to(torch.float32)
    model.generation_config = GenerationConfig(
        bos_token_id=TEXT_CARD, pad_token_id=PAD, do_sample=False, cache_implementation="dynamic")
    model.save_pretrained(folder)
    tokenizer.write(folder)
    KyutaiSpeechToTextFeatureExtractor(
        sampling_rate=SAMPLE_RATE, audio_delay_seconds=DELAY_SECONDS, audio_silence_prefix_seconds=0.0,
    ).save_pretrained(folder)
    path = os.path.join(folder, "preprocessor_config.json")
    with open(path) as f:
        data = json.load(f)
    data["processor_class"] = "KyutaiSpeechToTextProcessor"
    with open(path, "w") as f:
        json.dump(data, f, indent=2)
        f.write("\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--codec", help="state file with the codec and its codebooks")
    ap.add_argument("--decoder", help="state file of the decoder")
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    torch.manual_seed(0)
    model = build()
    if a.codec:
        model.codec_model.load_state_dict(torch.load(a.codec, weights_only=True)["codec"])
    if a.decoder:
        state = torch.load(a.decoder, weights_only=True)
        missing, unexpected = model.load_state_dict(state, strict=False)
        assert not unexpected and all(k.startswith("codec_model.") for k in missing), (missing, unexpected)
    save(model, a.out)
    total = sum(os.path.getsize(os.path.join(a.out, f)) for f in os.listdir(a.out)
                if os.path.isfile(os.path.join(a.out, f)))
    print("saved", a.out, "total", round(total / 1e6, 2), "MB")


if __name__ == "__main__":
    main()
