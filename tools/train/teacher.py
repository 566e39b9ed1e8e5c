"""A teacher that has heard far more speech than there is here: Google's speech embedding, 96 numbers every 80 ms.

The network (Apache-2.0) as the PyPI package openwakeword 0.4.0 brings it: 32 mel bands every 10 ms, convolutions without
padding in time that see 0.775 s. Run over a whole string at once, it gives one row per codec frame.
"""
import importlib.util
import os

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from scipy.signal import resample_poly

SIZE = 96
REACH = 9                                        # codec frames before its own that a row needs, (76 - 1 + 2) * 10 ms


def model_file(name):
    """A file of openwakeword, whose import would ask for packages not needed here."""
    package = importlib.util.find_spec("openwakeword").submodule_search_locations[0]
    return os.path.join(package, "resources", "models", name)


class Teacher:
    def __init__(self):
        spectrum = onnx.load(model_file("melspectrogram.onnx")).graph
        weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in spectrum.initializer}
        self.window = weights["0.stft.conv_real.weight"][0, 0]   # the products for 0 Hz
        self.mel = weights["1.melW"]
        embedding = onnx.load(model_file("embedding_model.onnx")).graph
        weights = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in embedding.initializer}
        self.layers = [(n.op_type, {a.name: list(a.ints) or a.f for a in n.attribute}, [weights[i] for i in n.input if i in weights])
                       for n in embedding.node if n.op_type not in ("Pad", "Reshape")]

    @torch.no_grad()
    def spectrum(self, x):
        """16 kHz samples [batch, n] of 16-bit size -> mel levels [batch, 10 ms steps, 32]."""
        power = torch.fft.rfft(x.unfold(1, len(self.window), 160) * self.window).abs().square()
        level = 10 * torch.log10((power @ self.mel).clamp(min=1e-10))
        return torch.maximum(level, level.amax((1, 2), keepdim=True) - 80) / 10 + 2

    @torch.no_grad()
    def embed(self, mel):
        """Mel levels [batch, steps, 32] -> [batch, (steps - 76) // 8 + 1, 96]."""
        x = F.pad(mel[:, None], (1, 1)).contiguous(memory_format=torch.channels_last)
        for kind, options, w in self.layers:
            if kind == "Conv":
                x = F.conv2d(x, w[0], w[1] if len(w) > 1 else None, padding=options.get("pads", [0, 0])[:2])
            elif kind == "BatchNormalization":
                x = F.batch_norm(x, w[2], w[3], w[0], w[1], eps=options["epsilon"])
            elif kind == "Relu":
                x = F.relu_(x)
            elif kind == "LeakyRelu":
                x = F.leaky_relu_(x, options["alpha"])
            elif kind == "Max":
                x = x.clamp_(min=w[0].item())
            else:
                x = F.max_pool2d(x, options["kernel_shape"], options["strides"])
        return x[:, :, :, 0].transpose(1, 2)

    def __call__(self, wave, frames):
        """24 kHz wave f32 [batch, frames * 1920] -> [batch, frames, 96]; the first rows have no past: zeros."""
        x = resample_poly(wave, 2, 3, axis=1).astype(np.float32) * 32767
        x = np.pad(x, ((0, 0), (0, 480)))        # the last row's window ends 25 ms after its frame
        y = self.embed(self.spectrum(torch.from_numpy(x)))[:, :frames - REACH]
        return F.pad(y, (0, 0, REACH, frames - REACH - y.shape[1]))
