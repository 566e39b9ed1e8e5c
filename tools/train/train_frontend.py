"""Stage 1: the SEANet part of the encoder, trained to carry the log spectrum of what it hears.

A linear read-out of its 25 Hz output must give 40 log band energies for each 20 ms. Only synthetic
voices and noises are used, so that this part has heard none of the recorded speakers and one front
end serves the final model and every leave-one-speaker-out model. Saves <work>/frontend.pt.
"""
import argparse
import os
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from transformers import MimiConfig, MimiModel

import fastcodec
from batches import stream
from compose import compose
from settings import FRAME, SAMPLE_RATE, codec_config

BANDS, SUB = 40, 2                               # bands, spectra per 40 ms step
WINDOW = 768


def waves(rng, bank, size, frames):
    """Only the sound: list of float32 [frames * 1920]."""
    return [compose(rng, bank, frames * FRAME, dense=True)[0] for _ in range(size)]


def mel_matrix():
    """Triangular mel bands on a 768-point spectrum, 90 Hz to 7.6 kHz: [bins, bands]."""
    edges = 700 * (10 ** (torch.linspace(130, 2800, BANDS + 2) / 2595) - 1)
    f = torch.linspace(0, SAMPLE_RATE / 2, WINDOW // 2 + 1)[:, None]
    up = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    return torch.minimum(up, down).clamp(min=0)


def spectrum(wave, matrix):
    """wave [batch, samples] -> [batch, samples / 960, 2 * bands]; window i ends at sample 480 (i + 1)."""
    s = torch.stft(F.pad(wave, (WINDOW - 480, 0)), WINDOW, 480, window=torch.hann_window(WINDOW), center=False,
                   return_complex=True)
    e = torch.log(s.abs().square().transpose(1, 2) @ matrix + 3e-4)
    return ((e + 2.0) / 3.5).reshape(wave.shape[0], -1, SUB * BANDS)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--minutes", type=float, default=10)
    ap.add_argument("--batch", type=int, default=4)
    ap.add_argument("--frames", type=int, default=32)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    codec = MimiModel(MimiConfig(**codec_config()))
    with torch.no_grad():
        codec.encoder.layers[0].conv.weight *= 4  # quiet recordings
        codec.encoder.layers[14].conv.weight *= 0.3
    read = nn.Linear(codec.config.hidden_size, SUB * BANDS)
    params = [*codec.encoder.parameters(), *read.parameters()]
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(0.9, 0.98), weight_decay=0.001)
    matrix, feed = mel_matrix(), stream(waves, os.path.join(a.work, "clips.npz"), "synthetic", (a.batch, a.frames))
    average = [p.detach().clone() for p in params]
    batch = next(feed)
    start, step, shown, seen = time.time(), 0, 0.0, 0.0
    while True:
        progress = (time.time() - start) / (60 * a.minutes)
        if progress >= 1:
            break
        for group in opt.param_groups:
            group["lr"] = a.lr * min(1, (step + 1) / 200) * (1 - max(0, progress - 0.4) / 0.6 * 0.98)
        wave = torch.stack([torch.from_numpy(w) for w in batch])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x = fastcodec.seanet(codec.encoder, wave)
        want = spectrum(wave, matrix)
        loss = F.smooth_l1_loss(read(x.float()), want, beta=0.5)
        loss = loss + 1e-4 * x.float().square().mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        torch._foreach_lerp_(average, [p.detach() for p in params], 1 - min(0.998, step / (step + 50)))
        step, shown, seen = step + 1, 0.98 * shown + 0.02 * loss.item(), seen + wave.numel() / SAMPLE_RATE
        if step % 200 == 0:
            left = (read(x.float()) - want).square().mean() / want.var()
            print(f"{time.time() - start:6.0f}s step {step} loss {shown / (1 - 0.98 ** step):.4f} unexplained {left.item():.3f} "
                  f"norm {norm:.2f} speed {seen / (time.time() - start):.0f}x", flush=True)
        batch = next(feed)
    with torch.no_grad():
        for p, q in zip(params, average):
            p.copy_(q)
    torch.save({"encoder": codec.encoder.state_dict()}, os.path.join(a.work, "frontend.pt"))


if __name__ == "__main__":
    main()
