#!/usr/bin/env python3
"""Races the command line's CPU path against ONNX Runtime on the same network (export_onnx.py), taking
turns in one run, and prints medians, spreads and ratios.

    pip install onnx onnxruntime numpy pillow
    cargo build --release
    python3 tests/benchmark/native.py --impasto target/release/impasto --sizes 256 512 1024

What is measured is a whole stylization, the style being encoded. Ours goes from the photo's 8-bit pixels
to the painting's, finds the photo's palette and makes the noise; ONNX Runtime's time is that of its run
alone, from floats to floats, with the palettes found and the noise made before.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

import export_onnx

# Both have threads that wait for work for a while before they sleep: not in the other's time.
PAUSE = 0.05


class Impasto:
    """`impasto bench --paced`: a run for every line."""

    def __init__(self, program, threads, size, *more):
        command = [program, "bench", "--device", "cpu", "--sizes", str(size), "--paced", *more]
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended; try: {' '.join(self.process.args[:-1])}")
        return line

    def run(self, stage="whole"):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.answer())[stage]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class OnnxRuntime:
    def __init__(self, folder, threads, size):
        self.session = export_onnx.session(folder / f"stylize-{size}.onnx", threads)
        photo = export_onnx.sample("samples/cat.jpg", size)
        style = export_onnx.sample("samples/rocket.jpg", export_onnx.STYLE_SIZE)
        self.inputs = {"photo": export_onnx.planes(photo), **export_onnx.style_inputs(folder, photo, style)}
        for _ in range(2):
            self.run()

    def run(self):
        start = time.perf_counter()
        self.session.run(None, self.inputs)
        return (time.perf_counter() - start) * 1e3

    def close(self):
        self.session = None


def spread(values, digits):
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--impasto", required=True, help="the command line's program")
    parser.add_argument("--weights", default=export_onnx.WEIGHTS, help="the weights that are in the program")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    if arguments.runs < 2:
        parser.error("--runs must be 2 or more: one run has no spread")
    program = str(pathlib.Path(arguments.impasto).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        export_onnx.export(export_onnx.load(arguments.weights), folder, arguments.sizes, ["stylize"])
        print(f"{arguments.runs} interleaved runs; milliseconds and ratios: median (quartiles)\n")
        print("| side | threads | Impasto | ONNX Runtime | Impasto ÷ ONNX Runtime |\n|---:|---:|---:|---:|---:|")
        for size in arguments.sizes:
            for threads in arguments.threads:
                racers = [Impasto(program, threads, size), OnnxRuntime(folder, threads, size)]
                times = [[], []]
                for index in range(arguments.runs):
                    # Not always after the same one.
                    for which in (0, 1) if index % 2 else (1, 0):
                        time.sleep(PAUSE)
                        times[which].append(racers[which].run())
                for racer in racers:
                    racer.close()
                ratios = numpy.divide(times[0], times[1]).tolist()
                print(f"| {size} | {threads} | {spread(times[0], 1)} | {spread(times[1], 1)} | {spread(ratios, 2)} |", flush=True)


if __name__ == "__main__":
    main()
