#!/usr/bin/env python3
"""Writes the network as ONNX, from the weights that the product ships, so that other runtimes can be
raced with it on the same work.

    pip install onnx onnxruntime numpy pillow
    python3 tests/benchmark/export_onnx.py --out onnx --sizes 256 512 1024
    python3 tests/benchmark/export_onnx.py --verify target/release/impasto

Shapes are static, which is what runtimes optimize best. For every size S:

    style.onnx        picture [1, 3, 384, 384] -> statistics [1, 480]   (the same for all sizes)
    stylize-S.onnx    photo [1, 3, S, S], statistics, matrix [3, 3], offset [3], colouring [3, 3] -> picture
    encode-S.onnx     photo -> relu2_1, relu3_1, relu4_1
    paint-S.onnx      photo, relu2_1, relu3_1, relu4_1, statistics, matrix, offset, colouring -> picture

Pictures are RGB in 0..1; `stylize` is `encode` and `paint` in one graph. `matrix` and `offset` are the
map from the photo's colours to the style's (src/network/palette.rs), and `colouring` what makes colours of
strokes, which are not a network's work: see `colour_map`. The strength is 1. What follows from the weights and the size alone is done here and not at
every run: so the noise planes, which the product makes anew for every photo, are constants.

--verify paints pictures with ONNX Runtime and with the command line, and fails where they differ.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import zlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "models/impasto.safetensors"
OPSET = 18
EPSILON = 1e-5
MEAN = numpy.array([123.68, 116.779, 103.939]) / 255
DEVIATION = numpy.array([0.229, 0.224, 0.225])
# src/network/palette.rs
RIDGE, CLAMP, BLUR, SLOPE = 1e-4, 0.02, 4, 4
# src/kernels/mod.rs
LEAK = 0.2
# src/generator.rs
BRUSHED = (128, 64, 24)
# src/stylizer.rs
STYLE_SIZE, NOISE_SEED = 384, 0
TRIAL_SIZE, TRIALS = 128, 2
STAGES = ("stylize", "encode", "paint")
# Mean difference, in 0..1, from the command line's 8-bit picture.
TOLERANCE = 1 / 255


def stored_tensors(path):
    """Metadata, and the tensors as they are stored (the format is described in src/weights.rs)."""
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, data = json.loads(data[8 : 8 + length]), data[8 + length :]
    metadata = header.pop("__metadata__", {})
    if metadata.get("format") != "impasto-1":
        sys.exit(f"{path}: the metadata names the format {metadata.get('format')!r}, not 'impasto-1'")
    types = {"F32": numpy.float32, "I8": numpy.int8}
    stored = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        stored[name] = numpy.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return metadata, stored


def load(path):
    """The tensors by name, in f32."""
    _, stored = stored_tensors(path)
    tensors = {}
    for name, values in stored.items():
        if name.endswith(".scale"):
            continue
        if values.dtype == numpy.int8:
            scale = stored[name.removesuffix("weight") + "scale"]
            values = values * scale.reshape(-1, *[1] * (values.ndim - 1))
        tensors[name] = values.astype(numpy.float32)
    return tensors


def with_all_layers(source, target):
    """Writes the weights with noise in place of tensors that are 0 all over: layers that are not trained
    yet do nothing, and no comparison would notice what they compute."""
    metadata, stored = stored_tensors(source)
    noise = numpy.random.default_rng(1)
    for name, values in stored.items():
        if name.endswith(".weight") and not values.any():
            integers = noise.integers(-127, 128, values.shape)
            if values.dtype == numpy.int8:
                stored[name] = integers.astype(numpy.int8)
                scale = name.removesuffix("weight") + "scale"
                stored[scale] = numpy.full(stored[scale].shape, 1e-3, numpy.float32)
            else:
                stored[name] = (integers / 1000).astype(numpy.float32)
    names, data, header, checksum = sorted(stored), b"", {}, 0
    for name in names:
        checksum = zlib.crc32(stored[name].tobytes(), zlib.crc32(name.encode(), checksum))
    # Safetensors wants what has the larger elements first.
    for name in sorted(names, key=lambda name: -stored[name].itemsize):
        values = stored[name].tobytes()
        kind = "I8" if stored[name].dtype == numpy.int8 else "F32"
        header[name] = {"dtype": kind, "shape": stored[name].shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    metadata["crc32"] = f"{checksum:08x}"
    text = json.dumps({"__metadata__": metadata, **header}).encode()
    pathlib.Path(target).write_bytes(len(text).to_bytes(8, "little") + text + data)


def mixed(x):
    """The hash of src/noise.rs, of an integer or of an array of them."""
    x = x & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ x >> shift) * factor & 0xFFFFFFFF
    return x ^ x >> 16


def white(width, height, seed):
    """Numbers of mean 0 and deviation 1 by their places, from the upper left corner on."""
    plane = mixed(mixed(seed + numpy.arange(width)) + numpy.arange(height)[:, None])
    return ((plane >> 8).astype(numpy.float32) / (1 << 23) - 1) * numpy.sqrt(numpy.float32(3))


def coarse(width, height, seed):
    """White noise twice as coarse, interpolated: a quarter of a cell from the middle of the pixel's own."""
    cells = white(width // 2 + 2, height // 2 + 2, seed)

    def mix(cells, count):
        place = numpy.arange(count)
        along = numpy.where(place % 2, 0.25, 0.75).astype(numpy.float32)[:, None]
        before, after = cells[(place + 1) // 2], cells[(place + 1) // 2 + 1]
        return before + (after - before) * along

    return mix(mix(cells.T, width).T, height)


def noise_planes(width, height, scale):
    """The planes that a picture of this size is painted with at 1 / scale of it, [1, 2, height, width]."""
    width, height, seed = width // scale, height // scale, mixed(NOISE_SEED ^ mixed(scale))
    return numpy.stack([white(width, height, seed), coarse(width, height, ~seed & 0xFFFFFFFF)])[None]


class Graph:
    """An ONNX graph in the making. Values are named by what made them."""

    def __init__(self, weights):
        self.weights = weights
        self.nodes, self.constants, self.inputs, self.outputs = [], {}, [], []

    def op(self, kind, *inputs, outputs=None, **attributes):
        names = outputs or [f"{kind}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if len(names) == 1 else names

    def constant(self, name, values):
        self.constants[name] = numpy_helper.from_array(numpy.ascontiguousarray(values), name)
        return name

    def numbers(self, name, *values):
        return self.constant(name, numpy.array(values, numpy.int64))

    def weight(self, name):
        return self.constant(name, self.weights[name])

    def input(self, name, *shape):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, value, name, *shape):
        self.op("Identity", value, outputs=[name])
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def save(self, path):
        graph = helper.make_graph(self.nodes, "impasto", self.inputs, self.outputs, list(self.constants.values()))
        # Of the age that all released runtimes read.
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, str(path))

    # ---- layers --------------------------------------------------------------------------------

    def reflect(self, x):
        return self.op("Pad", x, self.numbers("one_pixel", 0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")

    def conv(self, x, name, kernel=3):
        x = self.reflect(x) if kernel == 3 else x
        return self.op("Conv", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), kernel_shape=[kernel, kernel])

    def linear(self, x, name, bias=True):
        extra = [self.weight(f"{name}.bias")] if bias else []
        return self.op("Gemm", x, self.weight(f"{name}.weight"), *extra, transB=1)

    def linear_of_standardized(self, statistics, name):
        """Of the statistics at mean 0 and deviation 1: the mean and the scale go into the matrix."""
        mean, scale = (self.weights[f"generator.statistics_{which}"].astype(numpy.float64) for which in ("mean", "scale"))
        scaled = self.weights[f"{name}.weight"] * scale
        bias = self.weights[f"{name}.bias"] - scaled @ mean
        scaled = self.constant(f"{name}.weight*scale", scaled.astype(numpy.float32))
        bias = self.constant(f"{name}.bias-mean", bias.astype(numpy.float32))
        return self.op("Gemm", statistics, scaled, bias, transB=1)

    def instance_norm(self, x, scale, shift):
        return self.op("InstanceNormalization", x, scale, shift, epsilon=EPSILON)

    def styled_norm(self, x, code, name):
        channels = self.weights[f"{name}.affine.bias"].shape[0] // 2
        # The network predicts scale - 1: the 1 goes into the bias.
        bias = self.weights[f"{name}.affine.bias"].copy()
        bias[:channels] += 1
        bias = self.constant(f"{name}.affine.bias+1", bias)
        both = self.op("Gemm", code, self.weight(f"{name}.affine.weight"), bias, transB=1)
        flat = self.op("Reshape", both, self.numbers("flat", -1))
        names = [f"{name}.scale", f"{name}.shift"]
        scale, shift = self.op("Split", flat, outputs=names, num_outputs=2)
        return self.instance_norm(x, scale, shift)

    def layer_norm(self, row):
        ones = self.constant("ones", numpy.ones(self.weights["generator.code_2.bias"].shape, numpy.float32))
        return self.op("LayerNormalization", row, ones, axis=-1, epsilon=EPSILON)

    def coloured_conv(self, x, name, colouring):
        """A convolution whose three channels are then multiplied by a matrix: composed, as they are so few."""
        weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        rows = self.constant(f"{name}.weight.rows", weight.reshape(3, -1))
        shape = self.numbers(f"{name}.shape", *weight.shape)
        kernels = self.op("Reshape", self.op("MatMul", colouring, rows), shape)
        bias = self.op("MatMul", colouring, self.constant(f"{name}.bias", bias))
        return self.op("Conv", self.reflect(x), kernels, bias, kernel_shape=[3, 3])

    def styled_conv(self, x, code, name):
        x = self.conv(x, f"{name}.conv.conv")
        return self.op("Relu", self.styled_norm(x, code, f"{name}.norm"))

    def residual_block(self, x, code, name):
        y = self.styled_conv(x, code, f"{name}.first")
        y = self.conv(y, f"{name}.second.conv")
        return self.op("Add", self.styled_norm(y, code, f"{name}.norm"), x)

    def styled_noise(self, x, code, name, planes):
        gain = self.linear(code, f"{name}.gain")
        parts = self.op("Split", gain, outputs=[f"{name}.scale", f"{name}.shift"], axis=1, num_outputs=2)
        scale, shift = (self.op("Reshape", part, self.numbers("each_plane", 1, 2, 1, 1)) for part in parts)
        planes = self.op("Add", self.op("Mul", self.constant(f"{name}.planes", planes), scale), shift)
        return self.op("Add", self.conv(planes, f"{name}.conv.conv", kernel=1), x)

    def brush(self, x, kernels, channels):
        """The input, and its convolution with kernels that follow from the style."""
        kernels = self.op("Reshape", kernels, self.numbers(f"kernels_{channels}", channels, 1, 3, 3))
        return self.op("Add", self.op("Conv", self.reflect(x), kernels, group=channels, kernel_shape=[3, 3]), x)

    def resize(self, x, factor, **how):
        scales = self.constant(f"times_{factor}", numpy.array([1, 1, factor, factor], numpy.float32))
        return self.op("Resize", x, "", scales, **how)

    def interpolate(self, x, factor=2):
        return self.resize(x, factor, mode="linear", coordinate_transformation_mode="half_pixel")

    # ---- networks ------------------------------------------------------------------------------

    def encoder(self, picture):
        """relu1_1, relu2_1, relu3_1 and relu4_1."""

        def layer(x, number):
            return self.op("Relu", self.conv(x, f"encoder.conv{number}"))

        def pool(x):
            return self.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])

        # The subtraction of the mean and the division go into the first layer; reflection commutes.
        first, bias = self.weights["encoder.conv1_1.weight"], self.weights["encoder.conv1_1.bias"]
        scaled = first / DEVIATION.reshape(1, 3, 1, 1)
        shift = (scaled * MEAN.reshape(1, 3, 1, 1)).sum((1, 2, 3))
        scaled = self.constant("encoder.conv1_1.weight/deviation", scaled.astype(numpy.float32))
        bias = self.constant("encoder.conv1_1.bias-mean", (bias - shift).astype(numpy.float32))
        relu1_1 = self.op("Relu", self.op("Conv", self.reflect(picture), scaled, bias, kernel_shape=[3, 3]))
        relu2_1 = layer(pool(layer(relu1_1, "1_2")), "2_1")
        relu3_1 = layer(pool(layer(relu2_1, "2_2")), "3_1")
        x = relu3_1
        for number in ("3_2", "3_3"):
            x = layer(x, number)
        return relu1_1, relu2_1, relu3_1, layer(pool(x), "4_1")

    def statistics(self, levels):
        """Mean and standard deviation of every channel of every level, [1, 480]."""
        parts = []
        axes = self.numbers("height_and_width", 2, 3)
        epsilon = self.constant("epsilon", numpy.array(EPSILON, numpy.float32))
        for level in levels:
            mean = self.op("ReduceMean", level, axes, keepdims=1)
            centred = self.op("Sub", level, mean)
            variance = self.op("ReduceMean", self.op("Mul", centred, centred), axes, keepdims=1)
            parts += [mean, self.op("Sqrt", self.op("Add", variance, epsilon))]
        parts = [self.op("Reshape", part, self.numbers("row", 1, -1)) for part in parts]
        return self.op("Concat", *parts, axis=1)

    def generator(self, size, photo, relu2_1, relu3_1, relu4_1, statistics, matrix, offset, colouring):
        """The picture in 0..1, of a photo of `size` x `size`."""
        flat = self.op("Reshape", statistics, self.numbers("flat", -1))
        rest, mean, deviation = self.op(
            "Split", flat, self.numbers("deepest", 480 - 256, 128, 128), outputs=["shallow", "style.mean", "style.deviation"]
        )
        del rest
        x = self.instance_norm(relu4_1, deviation, mean)
        code = self.op("LeakyRelu", self.linear_of_standardized(statistics, "generator.code_1"), alpha=LEAK)
        code = self.layer_norm(self.op("LeakyRelu", self.linear(code, "generator.code_2"), alpha=LEAK))
        kernels = self.linear(self.linear(code, "generator.brush_1"), "generator.brush_2", bias=False)
        kernels = self.op(
            "Split", kernels, self.numbers("brushes", *(9 * channels for channels in BRUSHED)),
            outputs=[f"brush.{channels}" for channels in BRUSHED], axis=1,
        )
        planes = [noise_planes(size, size, scale) for scale in (8, 4, 2)]
        x = self.styled_noise(x, code, "generator.noise_1", planes[0])
        x = self.styled_norm(self.brush(x, kernels[0], BRUSHED[0]), code, "generator.brush_norm_1")
        x = self.residual_block(x, code, "generator.block_1")
        x = self.residual_block(x, code, "generator.block_2")
        x = self.interpolate(self.styled_conv(x, code, "generator.conv_1"))
        skip = self.styled_norm(relu3_1, code, "generator.gate")
        x = self.op("Add", self.conv(skip, "generator.skip.conv", kernel=1), x)
        x = self.styled_noise(x, code, "generator.noise_2", planes[1])
        x = self.styled_norm(self.brush(x, kernels[1], BRUSHED[1]), code, "generator.brush_norm_2")
        x = self.residual_block(x, code, "generator.block_3")
        x = self.residual_block(x, code, "generator.block_4")
        x = self.interpolate(self.styled_conv(x, code, "generator.conv_2"))
        skip = self.styled_norm(relu2_1, code, "generator.fine_gate")
        x = self.op("Add", self.conv(skip, "generator.fine_skip.conv", kernel=1), x)
        x = self.styled_noise(x, code, "generator.noise_3", planes[2])
        x = self.styled_conv(self.brush(x, kernels[2], BRUSHED[2]), code, "generator.conv_3")
        x = self.interpolate(self.styled_conv(x, code, "generator.conv_4"))
        x = self.styled_conv(x, code, "generator.conv_5")
        x = self.coloured_conv(x, "generator.conv_6.conv", colouring)
        weight = self.linear(code, "generator.palette_weight")
        weight = self.op("Reshape", weight, self.numbers("each_channel", 1, 3, 1, 1))
        return self.op("Sigmoid", self.op("Add", x, self.recoloured(photo, matrix, offset, weight)))

    def recoloured(self, photo, matrix, offset, weight):
        """The photo in the style's colours, smooth, as weighted logits."""
        kernels = self.op("Reshape", matrix, self.numbers("one_by_one", 3, 3, 1, 1))
        least = self.constant("least", numpy.array(CLAMP, numpy.float32))
        most = self.constant("most", numpy.array(1 - CLAMP, numpy.float32))
        one = self.constant("one", numpy.array(1, numpy.float32))
        small = self.op("AveragePool", photo, kernel_shape=[BLUR, BLUR], strides=[BLUR, BLUR])
        mapped = self.op("Conv", small, kernels, offset, kernel_shape=[1, 1])
        mapped = self.op("Clip", mapped, least, most)
        logits = self.op("Log", self.op("Div", mapped, self.op("Sub", one, mapped)))
        # Weighted while it is small.
        return self.interpolate(self.op("Mul", logits, weight), BLUR)


def export(weights, out, sizes, stages):
    """Writes the graphs that the top of this file lists."""
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    graph = Graph(weights)
    picture = graph.input("picture", 1, 3, STYLE_SIZE, STYLE_SIZE)
    graph.output(graph.statistics(graph.encoder(picture)), "statistics", 1, 480)
    graph.save(out / "style.onnx")
    # Small paintings say which colours to ask for.
    stages_of = {size: stages for size in sizes}
    stages_of[TRIAL_SIZE] = {*stages_of.get(TRIAL_SIZE, ()), "stylize"}
    for size, stages in stages_of.items():
        if size % 8 or size < 16:
            sys.exit(f"--sizes {size}: sides must be multiples of 8 from 16")
        photo_shape = (1, 3, size, size)
        levels = [(f"relu{n}_1", (1, width, size >> n - 1, size >> n - 1)) for n, width in ((2, 32), (3, 64), (4, 128))]
        for stage in stages:
            graph = Graph(weights)
            photo = graph.input("photo", *photo_shape)
            if stage == "paint":
                features = [graph.input(name, *shape) for name, shape in levels]
            else:
                features = graph.encoder(photo)[1:]
            if stage == "encode":
                for value, (name, shape) in zip(features, levels):
                    graph.output(value, name, *shape)
            else:
                style = [graph.input("statistics", 1, 480), graph.input("matrix", 3, 3), graph.input("offset", 3),
                         graph.input("colouring", 3, 3)]
                graph.output(graph.generator(size, photo, *features, *style), "picture", *photo_shape)
            graph.save(out / f"{stage}-{size}.onnx")


def power(matrix, exponent):
    values, vectors = numpy.linalg.eigh(matrix)
    return vectors @ numpy.diag(values.clip(RIDGE**2) ** exponent) @ vectors.T


def colours(picture):
    """Mean and covariance of the colours of a picture [height, width, 3]."""
    pixels = picture.reshape(-1, 3).astype(numpy.float64)
    return pixels.mean(0), numpy.cov(pixels.T, bias=True)


def transport(source, goal):
    """The Monge-Kantorovich map from one covariance to another."""
    ridge = RIDGE * numpy.eye(3)
    half, inverse = power(source + ridge, 0.5), power(source + ridge, -0.5)
    return inverse @ power(half @ (goal + ridge) @ half, 0.5) @ inverse


def colour_map(source, goal):
    """Between what `colours` gives: the map from one's colours to the other's, and what takes numbers that vary alike
    to logits of colours that vary as the other's do (src/network/palette.rs)."""
    matrix = transport(source[1], goal[1])
    found = {"matrix": matrix, "offset": goal[0] - matrix @ source[0], "colouring": SLOPE * power(goal[1], 0.5)}
    return {name: values.astype(numpy.float32) for name, values in found.items()}


def planes(picture):
    """[height, width, 3] to [1, 3, height, width]."""
    return numpy.ascontiguousarray(picture.transpose(2, 0, 1)[None].astype(numpy.float32))


def session(path, threads=1):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def sample(name, size):
    """A sample of the site as a square, 0..1."""
    from PIL import Image, ImageOps

    picture = ImageOps.fit(Image.open(ROOT / "www" / name).convert("RGB"), (size, size), Image.Resampling.LANCZOS)
    return numpy.asarray(picture, numpy.float32) / 255


def aim(folder, statistics, style):
    """The colours to ask for so that paintings have the style's (Stylizer::aim in src/stylizer/mixture.rs)."""
    from PIL import Image

    trial = Image.fromarray((style * 255).round().astype(numpy.uint8))
    trial = numpy.asarray(trial.resize((TRIAL_SIZE, TRIAL_SIZE), Image.Resampling.LANCZOS), numpy.float32) / 255
    painter = session(folder / f"stylize-{TRIAL_SIZE}.onnx")
    wanted = asked = colours(style)
    for _ in range(TRIALS):
        inputs = {"photo": planes(trial), "statistics": statistics, **colour_map(colours(trial), asked)}
        [painting] = painter.run(None, inputs)
        found = colours((painting[0].transpose(1, 2, 0) * 255).round() / 255)
        root = power(transport(found[1], wanted[1]), 0.5)
        asked = asked[0] + wanted[0] - found[0], root @ asked[1] @ root
    return asked


def style_inputs(folder, photo, style):
    """What a photo and a style of [STYLE_SIZE, STYLE_SIZE, 3] give `stylize` and `paint`, beside the photo."""
    [statistics] = session(folder / "style.onnx").run(None, {"picture": planes(style)})
    return {"statistics": statistics, **colour_map(colours(photo), aim(folder, statistics, style))}


def verify(program, weights_file):
    """Returns whether ONNX Runtime paints what the command line paints."""
    from PIL import Image

    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        sizes = (64, 256)
        with_all_layers(weights_file, folder / "all.safetensors")
        export(load(folder / "all.safetensors"), folder, sizes, STAGES)
        styles = sorted((ROOT / "www/styles").glob("*.jpg"))[:3]
        for size in sizes:
            for style_file in styles:
                photo, style = sample("samples/cat.jpg", size), sample(f"styles/{style_file.name}", STYLE_SIZE)
                for name, picture in (("photo", photo), ("style", style)):
                    Image.fromarray((picture * 255).round().astype(numpy.uint8)).save(folder / f"{name}.png")
                command = ["stylize", "photo.png", "--style", "style.png", "-o", "painted.png", "--force",
                           "--device", "cpu", "--weights", "all.safetensors"]
                subprocess.run([pathlib.Path(program).resolve(), *command], cwd=folder, check=True, capture_output=True)
                known = numpy.asarray(Image.open(folder / "painted.png"), numpy.float32) / 255
                rest = style_inputs(folder, photo, style)
                inputs = {"photo": planes(photo), **rest}
                [whole] = session(folder / f"stylize-{size}.onnx").run(None, inputs)
                encoder = session(folder / f"encode-{size}.onnx")
                features = dict(zip((o.name for o in encoder.get_outputs()), encoder.run(None, {"photo": planes(photo)})))
                [staged] = session(folder / f"paint-{size}.onnx").run(None, {**inputs, **features})
                for kind, picture in (("whole", whole), ("staged", staged)):
                    difference = numpy.abs(picture[0].transpose(1, 2, 0) - known)
                    # Not a number is no agreement either.
                    agrees = bool(difference.mean() < TOLERANCE)
                    good &= agrees
                    print(f"{size} {style_file.stem} {kind}: mean difference {difference.mean() * 255:.3f} of 255, "
                          f"most {difference.max() * 255:.1f}{'' if agrees else '  DIFFERS'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default=WEIGHTS, help="weights file (default: models/impasto.safetensors)")
    parser.add_argument("--out", help="folder for the graphs")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024], help="sides of the photo, multiples of 8")
    parser.add_argument("--stages", nargs="+", default=["stylize"], choices=STAGES)
    parser.add_argument("--verify", metavar="IMPASTO", help="compare with the command line, at this path")
    arguments = parser.parse_args()
    if not arguments.out and not arguments.verify:
        parser.error("nothing to do: give --out or --verify")
    if arguments.out:
        export(load(arguments.weights), arguments.out, arguments.sizes, arguments.stages)
    if arguments.verify and not verify(arguments.verify, arguments.weights):
        sys.exit("the graphs do not compute what the command line computes")


if __name__ == "__main__":
    main()
