"""Writes networks.safetensors: what the networks must compute, by another implementation.

Needs: pip install torch numpy safetensors. Weights and inputs follow from a hash that
tests/networks.rs repeats, so that the file holds results only.
"""

import zlib
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

torch.set_default_dtype(torch.float64)
EPSILON = 1e-5
MEAN = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1) / 255
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
SLIM = (16, 32, 64, 128)
FULL = (64, 128, 256, 512)


def uniform(name, count):
    """In 0..1, from a hash of the name and the position."""
    x = np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(zlib.crc32(name.encode()))
    x &= np.uint64(0xFFFFFFFF)
    for _ in range(2):
        x ^= x >> np.uint64(16)
        x = (x * np.uint64(0x45D9F3B)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    return x.astype(np.float64) / 2**32


def weight(name, *shape):
    """Of the size that keeps activations as large as they are."""
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 100
    limit = (6 / fan_in) ** 0.5
    values = ((2 * uniform(name, int(np.prod(shape))) - 1) * limit).astype(np.float32)
    return torch.tensor(values.astype(np.float64)).view(*shape)


def picture(name, *shape):
    return torch.tensor(uniform(name, int(np.prod(shape))).astype(np.float32).astype(np.float64)).view(*shape)


def conv(x, name, shape, reflect=True):
    border = shape[-1] // 2
    x = F.pad(x, (border,) * 4, mode="reflect" if reflect else "constant")
    return F.conv2d(x, weight(f"{name}.weight", *shape), weight(f"{name}.bias", shape[0]))


def vgg(x, prefix, widths, reflect):
    def layer(x, number, channels_in, channels_out):
        return F.relu(conv(x, f"{prefix}.conv{number}", (channels_out, channels_in, 3, 3), reflect))

    w1, w2, w3, w4 = widths
    relu1_1 = layer((x - MEAN) / DEVIATION, "1_1", 3, w1)
    x = F.max_pool2d(layer(relu1_1, "1_2", w1, w1), 2)
    relu2_1 = layer(x, "2_1", w1, w2)
    x = F.max_pool2d(layer(relu2_1, "2_2", w2, w2), 2)
    relu3_1 = layer(x, "3_1", w2, w3)
    x = relu3_1
    for number in ("3_2", "3_3") if reflect else ("3_2", "3_3", "3_4"):
        x = layer(x, number, w3, w3)
    relu4_1 = layer(F.max_pool2d(x, 2), "4_1", w3, w4)
    levels = [relu1_1, relu2_1, relu3_1, relu4_1]
    if reflect:
        return levels
    x = relu4_1
    for number in ("4_2", "4_3", "4_4"):
        x = layer(x, number, w4, w4)
    return levels + [layer(F.max_pool2d(x, 2), "5_1", w4, w4)]


def moments(x):
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True, unbiased=False) + EPSILON).sqrt()


def instance_norm(x):
    return F.instance_norm(x, eps=EPSILON)


def statistics(levels):
    return torch.cat([part.flatten(1) for level in levels for part in moments(level)], 1)


def linear(x, name, channels_in, channels_out):
    return F.linear(x, weight(f"{name}.weight", channels_out, channels_in), weight(f"{name}.bias", channels_out))


CODE = 192
LEVELS = (1, 1, 2, 2, 0.5)


def style_norm(x, code, name):
    channels = x.shape[1]
    scale, shift = linear(code, f"{name}.affine", CODE, 2 * channels).view(x.shape[0], 2, channels, 1, 1).unbind(1)
    return instance_norm(x) * (scale + 1) + shift


def styled_conv(x, code, name, channels):
    x = conv(x, f"{name}.conv.conv", (channels, x.shape[1], 3, 3))
    return F.relu(style_norm(x, code, f"{name}.norm"))


def residual_block(x, code, name):
    y = styled_conv(x, code, f"{name}.first", x.shape[1])
    y = conv(y, f"{name}.second.conv", (x.shape[1], x.shape[1], 3, 3))
    return x + style_norm(y, code, f"{name}.norm")


def enlarged(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def mixed(x):
    x = x & 0xFFFFFFFF
    x = x ^ x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x = x ^ x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def white(left, top, width, height, seed):
    """Numbers of mean 0 and deviation 1, in a plane from a place on."""
    line = mixed(seed + np.arange(left, left + width, dtype=np.int64))
    plane = mixed(line[None] + np.arange(top, top + height, dtype=np.int64)[:, None])
    return torch.tensor(((plane >> 8) / 2**23 - 1) * 3**0.5)


def noise(left, top, width, height, scale, seed):
    """A plane of white noise and one that is twice as coarse: torch's interpolation of the cells around."""
    left, top, width, height = left // scale, top // scale, width // scale, height // scale
    seed = int(mixed(seed ^ int(mixed(scale))))
    # The cells' numbers begin one before the picture's first.
    cells = white(left // 2, top // 2, width // 2 + 2, height // 2 + 2, ~seed & 0xFFFFFFFF)
    coarse = enlarged(cells[None, None])[0, 0, 2:-2, 2:-2]
    return torch.stack([white(left, top, width, height, seed), coarse])[None]


def styled_noise(x, code, name, planes):
    gain, bias = linear(code, f"{name}.gain", CODE, 4).view(-1, 2, 2, 1, 1).unbind(1)
    return x + conv(planes * gain + bias, f"{name}.conv.conv", (x.shape[1], 2, 1, 1))


def brush(x, kernels, first):
    """The input, and its convolution with kernels that follow from the style."""
    channels = x.shape[1]
    kernels = kernels[0, 9 * first : 9 * (first + channels)].view(channels, 1, 3, 3)
    return x + F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), kernels, groups=channels)


def standardized(style):
    count = style.shape[1]
    return (style - weight("generator.statistics_mean", count)) * weight("generator.statistics_scale", count)


def generator(features, relu3_1, relu2_1, style, recoloured, spread, planes):
    code = F.leaky_relu(linear(standardized(style), "generator.code_1", style.shape[1], CODE), 0.2)
    code = F.leaky_relu(linear(code, "generator.code_2", CODE, CODE), 0.2)
    code = F.layer_norm(code, (CODE,), eps=EPSILON)
    kernels = F.linear(linear(code, "generator.brush_1", CODE, 64), weight("generator.brush_2.weight", 1944, 64))
    x = styled_noise(features, code, "generator.noise_1", planes[0])
    x = brush(x, kernels, 0)
    x = style_norm(x, code, "generator.brush_norm_1")
    x = residual_block(x, code, "generator.block_1")
    x = residual_block(x, code, "generator.block_2")
    x = enlarged(styled_conv(x, code, "generator.conv_1", 64))
    x = x + conv(style_norm(relu3_1, code, "generator.gate"), "generator.skip.conv", (64, 64, 1, 1))
    x = styled_noise(x, code, "generator.noise_2", planes[1])
    x = brush(x, kernels, 128)
    x = style_norm(x, code, "generator.brush_norm_2")
    x = residual_block(x, code, "generator.block_3")
    x = residual_block(x, code, "generator.block_4")
    x = enlarged(styled_conv(x, code, "generator.conv_2", 24))
    x = x + conv(style_norm(relu2_1, code, "generator.fine_gate"), "generator.fine_skip.conv", (24, 32, 1, 1))
    x = styled_noise(x, code, "generator.noise_3", planes[2])
    x = styled_conv(brush(x, kernels, 192), code, "generator.conv_3", 24)
    x = enlarged(styled_conv(x, code, "generator.conv_4", 16))
    x = styled_conv(x, code, "generator.conv_5", 16)
    x = conv(x, "generator.conv_6.conv", (3, 16, 3, 3))
    x = torch.einsum("ij,bjhw->bihw", spread, x)
    return x + recoloured * linear(code, "generator.palette_weight", CODE, 3).view(-1, 3, 1, 1)


def root(matrix, power):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**power) @ vectors.T


def colours(x):
    pixels = x.permute(1, 0, 2, 3).reshape(3, -1).numpy()
    return pixels.mean(1), np.cov(pixels, bias=True)


def colour_map(source, target):
    (source_mean, source), (target_mean, target) = source, target
    ridge = 1e-4 * np.eye(3)
    half, inverse = root(source + ridge, 0.5), root(source + ridge, -0.5)
    matrix = inverse @ root(half @ (target + ridge) @ half, 0.5) @ inverse
    return torch.tensor(matrix), torch.tensor(target_mean - matrix @ source_mean)


def recolour(photo, matrix, offset):
    def logits(x):
        mapped = torch.einsum("ij,bjhw->bihw", matrix, x) + offset.view(1, 3, 1, 1)
        return torch.logit(mapped.clamp(0.02, 0.98))

    return F.interpolate(logits(F.avg_pool2d(photo, 4)), scale_factor=4, mode="bilinear", align_corners=False)


def discriminator(x, style):
    x = x * 2 - 1
    for index, (channels_in, channels_out, stride) in enumerate([(3, 32, 2), (32, 64, 2), (64, 128, 2), (128, 1, 1)], 1):
        name = f"discriminator.conv_{index}"
        w = weight(f"{name}.conv.weight", channels_out, channels_in, 4, 4)
        left = weight(f"{name}.singular", channels_out)
        matrix = w.flatten(1)
        right = matrix.T @ left
        right = right / right.norm()
        w = w / (left @ matrix @ right)
        features, x = x, F.conv2d(x, w, weight(f"{name}.conv.bias", channels_out), stride=stride, padding=1)
        if index < 4:
            x = F.leaky_relu(x, 0.2)
    wanted = F.linear(style, weight("discriminator.projection.weight", 128, style.shape[1])).view(-1, 128, 1, 1)
    return x + (features * wanted).mean(1, keepdim=True)[:, :, :-1, :-1]


def relative(value, goal):
    return ((value - goal).square().flatten(1).mean(1) / goal.square().flatten(1).mean(1)).mean()


def relative_to_both(value, goal):
    size = value.square().flatten(1).mean(1) + goal.square().flatten(1).mean(1)
    return ((value - goal).square().flatten(1).mean(1) / size).mean()


def covariance(x):
    x = x.flatten(2)
    x = x - x.mean(2, keepdim=True)
    return x @ x.transpose(1, 2) / x.shape[2]


def flatness(change):
    around = F.avg_pool2d(change.mean(1, keepdim=True), 9, stride=1, padding=4, count_include_pad=False)
    return torch.exp(-around / (2 / 255))


def main():
    content, style = picture("content", 1, 3, 32, 48), picture("style", 1, 3, 40, 32) ** 2
    content_levels, style_levels = vgg(content, "encoder", SLIM, True), vgg(style, "encoder", SLIM, True)
    code = 0.7 * statistics(style_levels) + 0.3 * statistics(content_levels)
    mean, deviation = code[:, -256:-128].view(1, 128, 1, 1), code[:, -128:].view(1, 128, 1, 1)
    fused = instance_norm(content_levels[3]) * deviation + mean
    matrix, offset = colour_map(colours(content), colours(style))
    recoloured = recolour(content, matrix, offset)
    planes = [noise(16, 48, 48, 32, scale, 7) for scale in (8, 4, 2)]
    spread = torch.tensor(4 * root(colours(style)[1], 0.5))
    painting = generator(fused, content_levels[2], content_levels[1], code, recoloured, spread, planes)
    photo = torch.logit(content.clamp(0.4 / 255, 1 - 0.4 / 255))

    full = vgg(content, "full", FULL, False)
    other = vgg(picture("other", 1, 3, 32, 48) ** 2, "full", FULL, False)
    logits = discriminator(content, statistics(style_levels))
    normalized = [(instance_norm(full[i]) - instance_norm(other[i])).square().mean() for i in (3, 2)]
    results = {
        "relu1_1": content_levels[0],
        "relu4_1": content_levels[3],
        "statistics": statistics(content_levels),
        "fused": fused,
        "noise": planes[1],
        "noise_fine": planes[2],
        "map": torch.cat([matrix, offset.view(3, 1)], 1),
        "recoloured": recoloured,
        "painting": torch.sigmoid(painting),
        "picture": torch.sigmoid(0.7 * painting + 0.3 * photo),
        "full_relu3_1": full[2][:, ::16],
        "full_relu5_1": full[4][:, ::16],
        "discriminator_logits": logits,
        "discriminator_probability": torch.sigmoid(logits).mean((1, 2, 3)),
        "loss_content": normalized[0] + 0.5 * normalized[1],
        "loss_style": sum(
            w * relative(a, b) for w, x, y in zip(LEVELS, full, other) for a, b in zip(moments(x), moments(y))
        ),
        "loss_gram": sum(w * relative_to_both(covariance(x), covariance(y)) for w, x, y in zip(LEVELS, full[:4], other)),
        # Of a painting whose photo is a faint one.
        "loss_total_variation": sum(
            (content.diff(dim=d).abs() * flatness((content * 0.02 + 0.4).diff(dim=d).abs())).mean() for d in (2, 3)
        ),
        "loss_cross_entropy": F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, 0.9)),
    }
    arrays = {name: np.ascontiguousarray(np.atleast_1d(np.asarray(value)).astype(np.float32)) for name, value in results.items()}
    save_file(arrays, Path(__file__).parent / "networks.safetensors")
    for name, array in arrays.items():
        print(name, array.shape, float(np.abs(array).mean()))


main()
