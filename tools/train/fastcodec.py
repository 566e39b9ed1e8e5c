"""Training-speed forward pass of transformers' Mimi encoder, on the module's own parameters.

PyTorch's 1-d convolutions are slow on a CPU for 8 channels at 24 kHz, so every convolution is
one matrix product over rows that hold several time steps. The result equals
MimiModel.encoder -> encoder_transformer -> downsample up to f32 rounding (see check_codec.py).
Layout: activations are [batch, rows, steps_per_row * channels].
"""
import torch
import torch.nn.functional as F


def _toeplitz(weight, group):
    """Conv weight [out, in, k] -> matrix [(k-1+group)*in, group*out] for `group` outputs per row."""
    out, inp, k = weight.shape
    taps = weight.permute(2, 1, 0)               # [k, in, out]
    m = torch.stack([F.pad(taps, (0, 0, 0, 0, g, group - 1 - g)) for g in range(group)], dim=2)
    return m.reshape((k - 1 + group) * inp, group * out)


def _with_history(x, columns):
    """Prepend the last `columns` values of the previous row (zeros before the first)."""
    past = F.pad(x[:, :-1, x.shape[2] - columns:], (0, 0, 1, 0))
    return torch.cat([past, x], dim=2)


def _product(x, matrix, bias, repeat):
    return F.linear(x, matrix.t(), bias.repeat(repeat))


def _residual(block, x, channels, group):
    """x + conv1(elu(conv3(elu(x)))), kernel 3 then 1."""
    first, second = block.block[1].conv, block.block[3].conv
    h = _with_history(F.elu(x), 2 * channels)
    h = F.elu(_product(h, _toeplitz(first.weight, group), first.bias, group))
    if channels * group <= 64:
        h = _product(h, _toeplitz(second.weight, group), second.bias, group)
    else:
        shape = h.shape
        h = F.linear(h.reshape(shape[0], -1, channels // 2), second.weight[:, :, 0], second.bias)
        h = h.reshape(shape[0], shape[1], -1)
    return x + h


def _down(conv, x):
    """ELU and a strided convolution with kernel 2 * stride, one row in, one step out."""
    weight = conv.conv.weight
    rows = _with_history(F.elu(x), x.shape[2])
    return F.linear(rows, weight.permute(0, 2, 1).reshape(weight.shape[0], -1), conv.conv.bias)


def seanet(encoder, wave):
    """wave [batch, samples], samples a multiple of 1920 -> [batch, samples / 960, hidden]."""
    layers, batch = encoder.layers, wave.shape[0]
    first = layers[0].conv
    padded = F.pad(wave, (first.weight.shape[2] - 1, 0))
    ratios = [4, 5, 6, 8]
    width = first.weight.shape[2] - 1 + ratios[0]
    x = padded.unfold(1, width, ratios[0])       # [batch, rows, history + 4]
    x = _product(x, _toeplitz(first.weight, ratios[0]), first.bias, ratios[0])
    channels = first.weight.shape[0]
    for stage, ratio in enumerate(ratios):
        block, conv = layers[1 + 3 * stage], layers[3 + 3 * stage]
        group = ratio if channels * ratio <= 96 else 2
        x = x.reshape(batch, -1, group * channels)
        x = _residual(block, x, channels, group)
        x = _down(conv, x.reshape(batch, -1, ratio * channels))
        channels *= 2
    last = layers[14].conv
    x = _with_history(F.elu(x.reshape(batch, -1, 2 * channels)), 2 * channels)
    return _product(x, _toeplitz(last.weight, 2), last.bias, 2).reshape(batch, -1, last.weight.shape[0])


def window_mask(steps, window, paired=False):
    """Boolean [steps, steps]: query q sees 0 <= q-k < window (window-1 for even q if `paired`)."""
    q = torch.arange(steps)[:, None]
    d = q - torch.arange(steps)[None, :]
    width = torch.where(q % 2 == 0, window - 1, window) if paired else window
    return (d >= 0) & (d < width)


def transformer(model, x, mask):
    """The encoder transformer with an explicit mask; x [batch, steps, hidden]."""
    batch, steps, _ = x.shape
    position = torch.arange(steps)[None]
    cos, sin = model.rotary_emb(x, position)
    cos, sin = cos[:, None], sin[:, None]

    def rotate(v):
        a, b = v.chunk(2, dim=-1)
        return v * cos + torch.cat([-b, a], dim=-1) * sin

    for layer in model.layers:
        h, attn = layer.input_layernorm(x), layer.self_attn
        q, k, v = (p(h).view(batch, steps, -1, attn.head_dim).transpose(1, 2)
                   for p in (attn.q_proj, attn.k_proj, attn.v_proj))
        with torch.autocast("cpu", enabled=False):  # bf16 attention takes three times as long here
            h = F.scaled_dot_product_attention(rotate(q).float(), rotate(k).float(), v.float(), attn_mask=mask)
        h = attn.o_proj(h.transpose(1, 2).reshape(batch, steps, -1))
        x = x + layer.self_attn_layer_scale(h)
        x = x + layer.mlp_layer_scale(layer.mlp(layer.post_attention_layernorm(x)))
    return x


def transform_and_downsample(codec, x, mask):
    """SEANet output [batch, steps, hidden] -> latents [batch, steps / 2, hidden]."""
    x = transformer(codec.encoder_transformer, x, mask)
    weight = codec.downsample.conv.weight        # kernel 4, stride 2, first column replicated
    x = torch.cat([x[:, :1], x[:, :1], x], dim=1).reshape(x.shape[0], -1, 2 * x.shape[2])
    rows = torch.cat([x[:, :-1], x[:, 1:]], dim=2)
    return F.linear(rows, weight.permute(0, 2, 1).reshape(weight.shape[0], -1))


def latents(codec, wave, mask=None):
    """wave [batch, samples] -> latents [batch, samples / 1920, hidden], before the quantiser."""
    x = seanet(codec.encoder, wave)
    if mask is None:
        mask = window_mask(x.shape[1], codec.config.sliding_window)
    return transform_and_downsample(codec, x, mask)
