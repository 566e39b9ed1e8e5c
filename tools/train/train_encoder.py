"""Stage 1: the tiny Mimi encoder, trained to say which digit is due at every frame.

The quantiser's two input projections are trained with it: the heads only see the projected
latents, so that distances there follow the words. Saves <work>/<name>_encoder.pt.
"""
import argparse
import os
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from transformers import MimiConfig, MimiModel

import fastcodec
from batches import HEAD_DELAYS, encoder_batch, stream
from settings import CODEBOOK_DIM, SAMPLE_RATE, codec_config

BANDS = 32


class Heads(nn.Module):
    """Linear heads on the semantic projection, a small network on the acoustic one."""

    def __init__(self, hidden):
        super().__init__()
        self.sizes = [12] * len(HEAD_DELAYS) + [11, 11]
        self.semantic = nn.Linear(CODEBOOK_DIM, sum(self.sizes))
        self.acoustic = nn.Sequential(nn.Linear(CODEBOOK_DIM, 128), nn.GELU(), nn.Linear(128, sum(self.sizes)))
        self.mel = nn.Linear(hidden, BANDS)

    def losses(self, logits, labels):
        """Mean cross entropy per head; frames without a word weigh less."""
        total, start = 0.0, 0
        for i, size in enumerate(self.sizes):
            weight = torch.full((size,), 1.0)
            weight[0] = 0.4
            part = logits[..., start:start + size].float().reshape(-1, size)
            total = total + F.cross_entropy(part, labels[..., i].reshape(-1), weight, label_smoothing=0.02)
            start += size
        return total / len(self.sizes)


def mel_matrix():
    """Triangular bands on a 1024-point spectrum, 80 Hz to 7.6 kHz."""
    edges = 700 * (10 ** (torch.linspace(120, 2800, BANDS + 2) / 2595) - 1)
    f = torch.linspace(0, SAMPLE_RATE / 2, 513)[:, None]
    up = (f - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - f) / (edges[2:] - edges[1:-1])
    return torch.minimum(up, down).clamp(min=0)


def mel_target(wave, matrix):
    """Log band energies at 25 Hz, [batch, samples/960, bands], centred per string."""
    s = torch.stft(F.pad(wave, (512, 0)), 1024, 960, window=torch.hann_window(1024), center=False, return_complex=True)
    e = torch.log(s.abs().square().transpose(1, 2) @ matrix + 1e-5)
    return (e - e.mean((1, 2), keepdim=True)) / 3.0


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--work", required=True)
    ap.add_argument("--name", default="all")
    ap.add_argument("--exclude", help="FSDD speaker to leave out")
    ap.add_argument("--minutes", type=float, default=25)
    ap.add_argument("--batch", type=int, default=8)
    ap.add_argument("--frames", type=int, default=64)
    ap.add_argument("--lr", type=float, default=2e-3)
    ap.add_argument("--threads", type=int, default=1)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    codec = MimiModel(MimiConfig(**codec_config()))
    with torch.no_grad():
        codec.encoder.layers[0].conv.weight *= 4  # quiet recordings
    quantizer = codec.quantizer
    proj = [quantizer.semantic_residual_vector_quantizer.input_proj,
            quantizer.acoustic_residual_vector_quantizer.input_proj]
    heads = Heads(codec.config.hidden_size)
    parts = nn.ModuleList([codec.encoder, codec.encoder_transformer, codec.downsample, *proj, heads])
    params = [p for p in parts.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=a.lr, betas=(0.9, 0.98), weight_decay=0.01)
    average, matrix, window = [p.detach().clone() for p in params], mel_matrix(), codec.config.sliding_window
    masks = [fastcodec.window_mask(2 * a.frames, window, paired) for paired in (False, True)]
    feed = stream(encoder_batch, os.path.join(a.work, "clips.npz"), a.exclude, (a.batch, a.frames))
    wave, labels = next(feed)
    start, step, seen, shown = time.time(), 0, 0.0, 0.0
    while True:
        progress = (time.time() - start) / (60 * a.minutes)
        if progress >= 1:
            break
        rate = a.lr * min(1, (step + 1) / 100) * (1 - max(0, progress - 0.3) / 0.7 * 0.98)
        for group in opt.param_groups:
            group["lr"] = rate
        wave, labels = torch.from_numpy(wave), torch.from_numpy(labels)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            sea = fastcodec.seanet(codec.encoder, wave)
            z = fastcodec.transform_and_downsample(codec, sea, masks[step % 2])
        z = z.float()
        sem, aco = (F.linear(z, p.weight[:, :, 0]) for p in proj)
        loss = heads.losses(heads.semantic(sem), labels) + heads.losses(heads.acoustic(aco), labels)
        mel = (heads.mel(sea.float()) - mel_target(wave, matrix)).square().mean()
        total = loss + max(0.05, 0.6 - 2 * progress) * mel
        opt.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        decay = min(0.998, step / (step + 50))
        torch._foreach_lerp_(average, [p.detach() for p in params], 1 - decay)
        step, seen, shown = step + 1, seen + wave.numel() / SAMPLE_RATE, 0.95 * shown + 0.05 * loss.item()
        if step % 50 == 0:
            with torch.no_grad():
                k = 12 * (len(HEAD_DELAYS) - 1)
                guess, want = heads.semantic(sem)[..., k:k + 12].argmax(-1), labels[..., len(HEAD_DELAYS) - 1]
                words = want >= 2
                right = (guess[words] == want[words]).float().mean().item()
            print(f"{time.time() - start:6.0f}s step {step} loss {shown / (1 - 0.95 ** step):.3f} mel {mel.item():.3f} "
                  f"word frames {right:.2f} norm {norm:.2f} speed {seen / (time.time() - start):.0f}x", flush=True)
        wave, labels = next(feed)
    with torch.no_grad():
        for p, q in zip(params, average):
            p.copy_(q)
    torch.save({"codec": codec.state_dict(), "heads": heads.state_dict()}, os.path.join(a.work, f"{a.name}_encoder.pt"))


if __name__ == "__main__":
    main()
