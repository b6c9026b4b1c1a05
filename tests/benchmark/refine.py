#!/usr/bin/env python3
"""Races a step of refining on the command line's CPU path against the same step in PyTorch, taking turns in
one run, and prints medians, spreads and ratios.

    pip install numpy onnx onnxruntime pillow safetensors torch
    cargo build --release
    python3 tests/benchmark/refine.py --impasto target/release/impasto --sizes 256 512 1024

A step: VGG-19 in factors to relu4_1 (models/vgg19-relu4_1.safetensors) sees the picture, its content and style
losses are found, and Adam changes the pixels by their gradient. PyTorch's gradient is by autograd.
"""

import argparse
import pathlib
import statistics
import time

import numpy
import torch
from safetensors import safe_open
from torch.nn import functional

import native

NETWORK = pathlib.Path(__file__).parents[2] / "models" / "vgg19-relu4_1.safetensors"
LAYERS = ["1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "3_4", "4_1"]
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
EPSILON = 1e-5


class Network:
    """relu1_1, relu2_1, relu3_1 and relu4_1 of a picture."""

    def __init__(self):
        with safe_open(NETWORK, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}

        def weight(name):
            scale = tensors.get(f"{name}.scale", torch.ones(1))
            return tensors[f"{name}.weight"].float() * scale.view(-1, 1, 1, 1)

        self.layers = []
        for layer in LAYERS:
            name = f"conv{layer}"
            inner = weight(f"{name}.inner") if f"{name}.inner.weight" in tensors else None
            self.layers.append((layer, inner, weight(name), tensors[f"{name}.bias"]))

    def __call__(self, x):
        x = (x - MEAN) / DEVIATION
        levels = []
        for layer, inner, weight, bias in self.layers:
            if layer.endswith("_1") and levels:
                x = functional.max_pool2d(x, 2)
            if inner is None:
                x = functional.relu(functional.conv2d(x, weight, bias, padding=1))
            else:
                x = functional.relu(functional.conv2d(functional.conv2d(x, inner, padding=1), weight, bias))
            if layer.endswith("_1"):
                levels.append(x)
        return levels


def moments(level):
    rows = level.flatten(2)[0]
    mean = rows.mean(1, keepdim=True)
    centred = rows - mean
    covariance = centred @ centred.T / rows.shape[1]
    return mean[:, 0], (covariance.diagonal() + EPSILON).sqrt(), covariance


def normalized(level):
    mean = level.mean((2, 3), keepdim=True)
    return (level - mean) / ((level - mean).square().mean((2, 3), keepdim=True) + EPSILON).sqrt()


class PyTorch:
    def __init__(self, threads, size):
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        self.network = Network()
        photo, style, start = (torch.rand(1, 3, size, size) for _ in range(3))
        with torch.no_grad():
            self.content = [normalized(level) for level in self.network(photo)[2:]]
            self.style = [moments(level) for level in self.network(style)]
        self.logits = torch.logit(start.clamp(0.01, 0.99)).requires_grad_()
        self.adam = torch.optim.Adam([self.logits], lr=0.06, betas=(0.9, 0.99))
        for _ in range(2):
            self.run()

    def loss(self):
        picture = torch.sigmoid(self.logits)
        levels = self.network(picture)
        loss = 0.5 * sum((picture.diff(dim=axis)).abs().sum() for axis in (2, 3)) / picture.numel()
        for weight, level, goal in zip((0.5, 1.0), levels[2:], self.content):
            loss = loss + weight * (normalized(level) - goal).square().mean()
        for level, goal in zip(levels, self.style):
            found = moments(level)
            for value, wanted in zip(found[:2], goal[:2]):
                loss = loss + (value - wanted).square().mean() / wanted.square().mean()
            scale = found[2].detach().square().mean() + goal[2].square().mean()
            loss = loss + (found[2] - goal[2]).square().mean() / scale
        return loss

    def run(self):
        start = time.perf_counter()
        self.adam.zero_grad()
        self.loss().backward()
        self.adam.step()
        return (time.perf_counter() - start) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--impasto", required=True, help="the command line's program")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    if arguments.runs < 2:
        parser.error("--runs must be 2 or more: one run has no spread")
    program = str(pathlib.Path(arguments.impasto).resolve())
    print(f"{arguments.runs} interleaved runs; milliseconds and ratios: median (quartiles)\n")
    print("| side | threads | Impasto | PyTorch | Impasto ÷ PyTorch |\n|---:|---:|---:|---:|---:|")
    for size in arguments.sizes:
        for threads in arguments.threads:
            ours = native.Impasto(program, threads, size, "--refine", "--warm-up", "1")
            theirs = PyTorch(threads, size)
            times = [[], []]
            for _ in range(arguments.runs):
                time.sleep(native.PAUSE)
                times[0].append(ours.run("step"))
                time.sleep(native.PAUSE)
                times[1].append(statistics.median(theirs.run() for _ in range(3)))
            ours.close()
            ratios = numpy.divide(times[0], times[1]).tolist()
            columns = [native.spread(times[0], 1), native.spread(times[1], 1), native.spread(ratios, 2)]
            print(f"| {size} | {threads} | {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
