#!/usr/bin/env python3
"""How much painted films flicker: the warping error of Lai et al., "Learning Blind Video
Temporal Consistency" (2018).

    pip install numpy opencv-python-headless
    for steady in 0 0.25 0.5 0.75; do
      impasto film clip.mp4 --style starry-impasto --steady $steady --crf 4 -o $steady.mkv
    done
    python3 tests/reference/ewarp.py clip.mp4 0.mkv 0.25.mkv 0.5.mkv 0.75.mkv

What moved is found in the film itself (dense inverse search), and not believed where going there and back does
not end where it began, nor where things that move differently meet (as Ruder et al., "Artistic Style Transfer
for Videos", 2016, have it). Each painted frame is compared with the one before it, moved so: the mean squared
difference of what is believed, values in 0..1, and of that the mean over the frames. Of two frames in which
less than a third is believed there was a cut between them, and they are left out.

Prints a row for each film: the error times 1,000 and relative to the first painted one, the same for the tenth of
the pixels that move most (of each pair of frames in which anything does), and the sharpness: the mean slope,
relative to the first one's. What only looks steady because it is blurred has less of that.
"""

import argparse
import sys

import cv2
import numpy

LEAST = 1 / 3
"""Pixels between two frames from which on something is said to move fast, at least."""
FAST = 2.0


def frames(path):
    film = cv2.VideoCapture(path)
    if not film.isOpened():
        sys.exit(f"{path} cannot be read as a film")
    while True:
        there, frame = film.read()
        if not there:
            return
        yield frame


def grey(frame):
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


def moved(picture, flow):
    """What is at each pixel's place after the flow. Also says where that is inside the picture."""
    height, width = flow.shape[:2]
    x, y = numpy.meshgrid(numpy.arange(width, dtype=numpy.float32), numpy.arange(height, dtype=numpy.float32))
    x, y = x + flow[..., 0], y + flow[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), inside


def squared(flow):
    return (flow**2).sum(-1)


def flow_back(finder, now, before):
    """From each pixel to its place in the frame before, and where that is to be believed."""
    back, forth = finder.calc(now, before, None), finder.calc(before, now, None)
    returned, inside = moved(forth, back)
    apart = squared(back + returned)
    occluded = apart > 0.01 * (squared(back) + squared(returned)) + 0.5
    slopes = sum(squared(numpy.gradient(back, axis=axis)) for axis in (0, 1))
    border = slopes > 0.01 * squared(back) + 0.002
    return back, inside & ~occluded & ~border


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("film", help="what was painted")
    parser.add_argument("painted", nargs="+", help="its paintings, which have the same frames; the first is what others are relative to")
    parser.add_argument("--skip", type=int, default=0, metavar="FRAMES", help="of the film, before the first painted one")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="also list the N frames with the largest error of each film")
    arguments = parser.parse_args()
    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    film = frames(arguments.film)
    for _ in range(arguments.skip):
        next(film, None)
    rows = [arguments.film, *arguments.painted]
    errors, fast_errors, slopes = ([[] for _ in rows] for _ in range(3))
    numbers, believed, cuts = [], [], 0
    last = None
    for number, (original, *painted) in enumerate(zip(film, *map(frames, arguments.painted))):
        height, width = painted[0].shape[:2]
        if any(picture.shape != painted[0].shape for picture in painted):
            sys.exit("the painted films are not of one size")
        original = cv2.resize(original, (width, height), interpolation=cv2.INTER_AREA)
        pictures = [picture.astype(numpy.float32) / 255 for picture in (original, *painted)]
        for slope, picture in zip(slopes, pictures):
            slope.append(sum(abs(numpy.diff(picture, axis=axis)).mean() for axis in (0, 1)))
        if last is not None:
            flow, mask = flow_back(finder, grey(original), grey(last[0]))
            if mask.mean() < LEAST:
                cuts += 1
            else:
                numbers.append(number)
                believed.append(mask.mean())
                length = numpy.sqrt(squared(flow))
                fast = mask & (length >= max(FAST, numpy.quantile(length[mask], 0.9)))
                for index, (now, before) in enumerate(zip(pictures, last[1])):
                    difference = ((moved(before, flow)[0] - now) ** 2).mean(-1)
                    errors[index].append(difference[mask].mean())
                    if fast.sum() > 50:
                        fast_errors[index].append(difference[fast].mean())
        last = original, pictures
    if not numbers:
        sys.exit("there are no two frames to compare")

    print(f"{len(numbers)} pairs of frames, {100 * numpy.mean(believed):.0f} % of their pixels believed; {cuts} cuts left out")
    print(f"{'':40} {'error':>7} {'rel.':>6} {'fast':>7} {'rel.':>6} {'sharp':>6}")
    first = 1
    for index, name in enumerate(rows):
        mean = [numpy.mean(values[index]) if values[index] else numpy.nan for values in (errors, fast_errors, slopes)]
        base = [numpy.mean(values[first]) if values[first] else numpy.nan for values in (errors, fast_errors, slopes)]
        print(
            f"{name[-40:]:40} {1000 * mean[0]:7.3f} {mean[0] / base[0]:6.3f}"
            f" {1000 * mean[1]:7.3f} {mean[1] / base[1]:6.3f} {mean[2] / base[2]:6.3f}"
        )
        if arguments.worst:
            order = numpy.argsort(errors[index])[::-1][: arguments.worst]
            print("  " + ", ".join(f"{numbers[at]}: {1000 * errors[index][at]:.2f}" for at in order))


if __name__ == "__main__":
    main()
