"""A checkpoint of the transformers layout, written in every other layout in which Kyutai's models are published.

    python layouts.py CHECKPOINT OUT_DIR [original candle mlx mlx-q8 mlx-q4 moshi.cpp]

The inverse of what our loader does, written apart from it: specification 2.2 to 2.7 gives names, shapes and orders. The
checks in compare-moshi.py let the `moshi` package load what is written here. Needs requirements-layouts.txt.
"""

import argparse
import json
import os

import torch
from safetensors.torch import load_file, save_file

from sentencepiece_file import sentencepiece_model

LAYOUTS = ("original", "candle", "mlx", "mlx-q8", "mlx-q4", "moshi.cpp")
HEADS, HEAD_CLASSES = 4, 6
CODEC = "codec_model."
DECODER_HALF = ("decoder.", "decoder_transformer.", "upsample.")


def read_checkpoint(folder: str) -> tuple[dict, dict]:
    """Returns (tensors, documents)."""
    documents = {}
    for name in ("config", "processor_config", "preprocessor_config"):
        path = os.path.join(folder, f"{name}.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                documents[name] = json.load(file)
    features = documents.get("processor_config", {}).get("feature_extractor") or documents["preprocessor_config"]
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(folder, name)))
    return tensors, {"config": documents["config"], "features": features}


def _interleaved(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """Half-split rotary rows to pairs (specification 2.5)."""
    out, inner = rows.shape
    return rows.view(heads, 2, out // heads // 2, inner).transpose(1, 2).reshape(out, inner).contiguous()


def decoder_tensors(tensors: dict, config: dict) -> dict:
    """The original names, specification 2.2."""
    table = tensors["model.embed_tokens.embed_tokens.weight"]
    text, card = config["vocab_size"], config["codebook_vocab_size"]
    out = {"text_emb.weight": table[:text]}
    for k in range(config["num_codebooks"]):
        start = text + card * k
        out[f"emb.{k}.weight"] = table[start : start + card]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    for layer in range(config["num_hidden_layers"]):
        source, target = f"model.layers.{layer}.", f"transformer.layers.{layer}."
        attention = source + "self_attn."
        q = _interleaved(tensors[attention + "q_proj.linear.weight"], heads)
        k = _interleaved(tensors[attention + "k_proj.linear.weight"], kv_heads)
        v = tensors[attention + "v_proj.linear.weight"]
        out[target + "self_attn.in_proj_weight"] = torch.cat([q, k, v])
        out[target + "self_attn.out_proj.weight"] = tensors[attention + "o_proj.linear.weight"]
        out[target + "norm1.alpha"] = tensors[source + "input_layernorm.weight"][None, None]
        out[target + "norm2.alpha"] = tensors[source + "post_attention_layernorm.weight"][None, None]
        out[target + "gating.linear_in.weight"] = tensors[source + "mlp.fc1.weight"]
        out[target + "gating.linear_out.weight"] = tensors[source + "mlp.fc2.weight"]
    out["out_norm.alpha"] = tensors["model.norm.weight"][None, None]
    out["text_linear.weight"] = tensors["lm_head.weight"][: text - 1]
    return {name: tensor.contiguous() for name, tensor in out.items()}


def _codec_transformer(tensors: dict, name: str, config: dict, out: dict) -> None:
    renamed = {
        "self_attn.o_proj.weight": "self_attn.out_proj.weight",
        "mlp.fc1.weight": "linear1.weight",
        "mlp.fc2.weight": "linear2.weight",
        "input_layernorm.weight": "norm1.weight",
        "input_layernorm.bias": "norm1.bias",
        "post_attention_layernorm.weight": "norm2.weight",
        "post_attention_layernorm.bias": "norm2.bias",
        "self_attn_layer_scale.scale": "layer_scale_1.scale",
        "mlp_layer_scale.scale": "layer_scale_2.scale",
    }
    for layer in range(config["num_hidden_layers"]):
        source, target = f"{CODEC}{name}.layers.{layer}.", f"{name}.transformer.layers.{layer}."
        heads = config["num_attention_heads"]
        q = _interleaved(tensors[source + "self_attn.q_proj.weight"], heads)
        k = _interleaved(tensors[source + "self_attn.k_proj.weight"], heads)
        out[target + "self_attn.in_proj_weight"] = torch.cat([q, k, tensors[source + "self_attn.v_proj.weight"]])
        for old, new in renamed.items():
            out[target + new] = tensors[source + old]


def codec_tensors(tensors: dict, config: dict, with_decoder: bool) -> dict:
    """The original names, specification 2.6."""
    out = {}
    has_decoder = f"{CODEC}upsample.conv.weight" in tensors
    for name in ("encoder_transformer", *(("decoder_transformer",) if with_decoder and has_decoder else ())):
        _codec_transformer(tensors, name, config, out)
    transposed = {2 + 3 * stage for stage in range(len(config["upsampling_ratios"]))}
    for full, tensor in tensors.items():
        name = full.removeprefix(CODEC)
        if name == full or "_transformer." in name or (name.startswith(DECODER_HALF) and not with_decoder):
            continue
        part = name.split(".")
        if part[0] in ("encoder", "decoder"):
            kind = "convtr.convtr" if part[0] == "decoder" and int(part[2]) in transposed else "conv.conv"
            part[1] = "model"
            out[".".join(part).replace(".conv.", f".{kind}.")] = tensor
        elif part[0] == "downsample":
            out["downsample.conv.conv.conv.weight"] = tensor
        elif part[0] == "upsample":
            out["upsample.convtr.convtr.convtr.weight"] = tensor
        elif part[0] == "quantizer":
            side = "rvq_first" if part[1].startswith("semantic") else "rvq_rest"
            if part[2] == "layers":
                names = {"embed_sum": "embedding_sum", "cluster_usage": "cluster_usage", "initialized": "_initialized"}
                if part[5] in names:
                    out[f"quantizer.{side}.vq.layers.{part[3]}._codebook.{names[part[5]]}"] = tensor
            else:
                out[f"quantizer.{side}.{part[2]}.weight"] = tensor
    return {name: tensor.contiguous() for name, tensor in out.items()}


def original_config(documents: dict, with_heads: bool, small: bool) -> dict:
    """config.json as the published repositories have it (specification 2.1)."""
    config, features = documents["config"], documents["features"]
    width = config["hidden_size"]
    # The package makes 2 * int(hidden_scale * dim) // 3 hidden values of it.
    hidden_scale = (3 * config["ffn_dim"] / 2 / 2) / width
    rope = config.get("rope_parameters") or {"rope_theta": config["rope_theta"]}
    out = {
        "card": config["codebook_vocab_size"] - 1,
        "n_q": config["num_codebooks"],
        "dep_q": 0,
        "delays": [0] * (config["num_codebooks"] + 1),
        "dim": width,
        "text_card": config["vocab_size"] - 1,
        "existing_text_padding_id": 3,
        "num_heads": config["num_attention_heads"],
        "num_layers": config["num_hidden_layers"],
        "hidden_scale": hidden_scale,
        "causal": True,
        "layer_scale": None,
        "context": config["sliding_window"],
        "max_period": rope["rope_theta"],
        "gating": "silu",
        "norm": "rms_norm_f32",
        "positional_embedding": "rope",
        "depformer_dim": 1024,
        "depformer_num_heads": 16,
        "depformer_num_layers": 6,
        "depformer_causal": True,
        "depformer_layer_scale": None,
        "depformer_multi_linear": True,
        "depformer_pos_emb": "none",
        "depformer_weights_per_step": True,
        "conditioners": {},
        "cross_attention": False,
        "model_type": "stt",
        "lm_gen_config": {"temp": 0.0, "temp_text": 0.0, "top_k": 250, "top_k_text": 50},
        "stt_config": {
            "audio_delay_seconds": features["audio_delay_seconds"],
            "audio_silence_prefix_seconds": features["audio_silence_prefix_seconds"],
        },
        "mimi_name": "mimi-pytorch-e351c8d8@125.safetensors",
        "tokenizer_name": "tokenizer_small.model",
    }
    if small:
        out["mimi_config_name"] = "mimi.json"
    if with_heads:
        out |= {"extra_heads_num_heads": HEADS, "extra_heads_dim": HEAD_CLASSES}
    return out


def codec_document(config: dict) -> dict:
    """The codec's hyper-parameters as `mimi_config_name` of the package expects them."""
    rope = config.get("rope_parameters") or {"rope_theta": config["rope_theta"]}
    width, codes = config["hidden_size"], config["codebook_dim"]
    return {
        "sample_rate": config["sampling_rate"],
        "channels": 1,
        "frame_rate": config["sampling_rate"] / (2 * _product(config["upsampling_ratios"])),
        "seanet": {
            "channels": 1, "dimension": width, "causal": True, "n_filters": config["num_filters"],
            "n_residual_layers": config["num_residual_layers"], "activation": "ELU", "compress": config["compress"],
            "dilation_base": config["dilation_growth_rate"], "disable_norm_outer_blocks": 0,
            "kernel_size": config["kernel_size"], "residual_kernel_size": config["residual_kernel_size"],
            "last_kernel_size": config["last_kernel_size"], "norm": "none", "pad_mode": "constant",
            "ratios": config["upsampling_ratios"], "true_skip": True,
        },
        "quantizer": {
            "dimension": codes, "n_q": config["num_quantizers"], "bins": config["codebook_size"],
            "input_dimension": width, "output_dimension": width,
        },
        "transformer": {
            "d_model": width, "num_heads": config["num_attention_heads"], "num_layers": config["num_hidden_layers"],
            "causal": True, "layer_scale": 0.01, "context": config["sliding_window"], "conv_layout": True,
            "max_period": rope["rope_theta"], "gating": "none", "norm": "layer_norm", "positional_embedding": "rope",
            "dim_feedforward": config["intermediate_size"], "input_dimension": width, "output_dimensions": [width],
        },
    }


def _product(values) -> int:
    product = 1
    for value in values:
        product *= value
    return product


def extra_heads(config: dict, dtype) -> dict:
    """Pause predictions like those of stt-1b-en_fr-candle, random."""
    generator = torch.Generator().manual_seed(97)
    width = config["hidden_size"]
    return {
        f"extra_heads.{i}.weight": (torch.randn(HEAD_CLASSES, width, generator=generator) * width**-0.5).to(dtype)
        for i in range(HEADS)
    }


def write_layout(tensors: dict, documents: dict, layout: str, folder: str, codec_decoder: bool = False) -> None:
    os.makedirs(folder, exist_ok=True)
    config, codec = documents["config"], documents["config"]["codec_config"]
    with_heads = layout in ("candle", "moshi.cpp")
    out = original_config(documents, with_heads, small=codec["hidden_size"] != 512)
    lm = decoder_tensors(tensors, config)
    mimi = codec_tensors(tensors, codec, codec_decoder)
    if with_heads:
        lm |= extra_heads(config, lm["text_linear.weight"].dtype)
    if layout == "moshi.cpp":
        from moshi_cpp_file import write_moshi_cpp

        write_moshi_cpp(lm, mimi, out, folder)
    else:
        if layout.startswith("mlx"):
            from mlx_file import mlx_tensors

            bits = {"mlx": None, "mlx-q8": 8, "mlx-q4": 4}[layout]
            lm = mlx_tensors(lm, bits)
            if bits:
                out["moshi_name"] = f"model.q{bits}.safetensors"
        save_file(lm, os.path.join(folder, out.get("moshi_name", "model.safetensors")))
        save_file(mimi, os.path.join(folder, out["mimi_name"]))
    if "mimi_config_name" in out:
        _write_json(os.path.join(folder, "mimi.json"), codec_document(codec))
    _write_json(os.path.join(folder, "config.json"), out)
    with open(os.path.join(folder, out["tokenizer_name"]), "wb") as file:
        file.write(sentencepiece_model(config["vocab_size"] - 1))
    for name in os.listdir(folder):
        os.chmod(os.path.join(folder, name), 0o644)  # safetensors makes files only their owner may read


def _write_json(path: str, value: dict) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("layouts", nargs="*", metavar="LAYOUT", help=f"of {', '.join(LAYOUTS)}; all when omitted")
    parser.add_argument("--codec-decoder", action="store_true", help="keep the codec's decoder half, which moshi wants")
    arguments = parser.parse_args()
    tensors, documents = read_checkpoint(arguments.checkpoint)
    for layout in arguments.layouts or LAYOUTS:
        write_layout(tensors, documents, layout, os.path.join(arguments.out, layout), arguments.codec_decoder)
        print(os.path.join(arguments.out, layout), flush=True)


if __name__ == "__main__":
    main()
