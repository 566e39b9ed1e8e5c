"""A test signal that Python, TypeScript and C++ make identically, so that fixtures need not store audio.

100 ms segments, each with its own level (0 is silence), triangle tone and share of noise. Integers only.
Twins: test/parity/audio-signal.ts and test/cpp/parity-signal.h.
"""

import numpy as np

SEGMENT = 2400  # samples
MULTIPLIER, INCREMENT = 1664525, 1013904223  # Numerical Recipes' LCG, modulo 2^32
MASK = np.uint64(0xFFFFFFFF)


def _states(seed: int, count: int) -> np.ndarray:
    """The first `count` LCG states after `seed`, uint64 below 2^32, by doubling."""
    states = np.array([(seed * MULTIPLIER + INCREMENT) & 0xFFFFFFFF], dtype=np.uint64)
    factor, offset = MULTIPLIER, INCREMENT  # n steps at once: state * factor + offset
    while len(states) < count:
        states = np.concatenate([states, (states * np.uint64(factor) + np.uint64(offset)) & MASK])
        offset = (offset * factor + offset) & 0xFFFFFFFF
        factor = (factor * factor) & 0xFFFFFFFF
    return states[:count]


def audio_signal_int16(seed: int, samples: int) -> np.ndarray:
    """int16 [samples]."""
    segments = -(-samples // SEGMENT)
    draws = (_states(seed, segments * (SEGMENT + 3)) >> np.uint64(16)).astype(np.int64).reshape(segments, SEGMENT + 3)
    level = draws[:, :1] % 8
    amplitude = level * level * 4  # 0..196
    period = 24 + draws[:, 1:2] % 360  # samples; 62 Hz to 1 kHz at 24 kHz
    tone_share = draws[:, 2:3] % 257  # of 256
    noise = draws[:, 3:] - 32768
    phase = np.arange(SEGMENT, dtype=np.int64)[None] % period
    tone = np.abs(2 * phase - period) * 65534 // period - 32767
    mixed = (tone * tone_share + noise * (256 - tone_share)) * amplitude >> 16
    return mixed.reshape(-1)[:samples].astype(np.int16)


def audio_signal(seed: int, samples: int) -> np.ndarray:
    """float32 [samples] in [-1, 1), as a wav reader gives it."""
    return audio_signal_int16(seed, samples).astype(np.float32) / np.float32(32768)
