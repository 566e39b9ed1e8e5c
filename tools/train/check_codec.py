"""Compare fastcodec with transformers' own modules on random weights and report the speed."""
import time

import torch
from transformers import MimiConfig, MimiModel

import fastcodec
from settings import FRAME, SAMPLE_RATE, codec_config


def main():
    torch.manual_seed(0)
    codec = MimiModel(MimiConfig(**codec_config())).eval()
    print("codec parameters", sum(p.numel() for p in codec.parameters()))
    wave = torch.randn(2, FRAME * 60) * 0.1
    with torch.no_grad():
        x = codec.encoder(wave[:, None]).transpose(1, 2)
        print("seanet", float((x - fastcodec.seanet(codec.encoder, wave)).abs().max()), float(x.std()))
        y = codec.encoder_transformer(x)[0]
        ref = codec.downsample(y.transpose(1, 2)).transpose(1, 2)
        print("latents", float((ref - fastcodec.latents(codec, wave)).abs().max()), float(ref.std()))
    wave = torch.randn(16, FRAME * 50) * 0.1
    seconds = wave.numel() / SAMPLE_RATE
    for kind in (torch.float32, torch.bfloat16):
        for _ in range(3):
            start = time.time()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == torch.bfloat16):
                out = fastcodec.latents(codec, wave)
            middle = time.time()
            out.float().square().mean().backward()
        end = time.time()
        print(kind, "x real time: forward", round(seconds / (middle - start)), "both", round(seconds / (end - start)))


if __name__ == "__main__":
    main()
