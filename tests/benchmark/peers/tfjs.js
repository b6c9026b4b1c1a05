// TensorFlow.js in the benchmark: the same network by its operations, from the same file of weights.

import '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';

import { contest, toFloats, toPixels } from '../www/bench-contestant.js';
import { colourMap } from './colours.js';
import { noisePlanes } from './noise.js';

const EPSILON = 1e-5;
const MEAN = [123.68, 116.779, 103.939].map((value) => value / 255);
const DEVIATION = [0.229, 0.224, 0.225];
const CODE = 192;
// Channels that the style's kernels move, at 1/8, 1/4 and 1/2 of the size.
const BRUSHED = [128, 64, 24];
const SCALES = [8, 4, 2];

/** The tensors of a weights file (src/weights.rs) by name: `{ shape, values }`. @param {ArrayBuffer} bytes */
function read(bytes) {
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const { __metadata__: _, ...header } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  const part = (name) => {
    const { dtype, data_offsets: [begin, end] } = header[name];
    const copy = bytes.slice(8 + length + begin, 8 + length + end);
    return dtype === 'I8' ? new Int8Array(copy) : new Float32Array(copy);
  };
  return Object.fromEntries(Object.keys(header).filter((name) => !name.endsWith('.scale')).map((name) => {
    const { shape } = header[name];
    let values = part(name);
    if (values instanceof Int8Array) {
      const scales = part(name.replace(/weight$/, 'scale'));
      const row = values.length / scales.length;
      values = Float32Array.from(values, (value, i) => value * scales[Math.floor(i / row)]);
    }
    return [name, { shape, values }];
  }));
}

/** The network. Pictures and features are [1, height, width, channels]. */
class Network {
  /** @param {ReturnType<typeof read>} file */
  constructor(file) {
    /** @type {Record<string, any>} */
    this.weights = {};
    for (const [name, { shape, values }] of Object.entries(file)) {
      const tensor = tf.tensor(values, shape);
      if (shape.length === 4) this.weights[name] = tf.transpose(tensor, [2, 3, 1, 0]);
      else if (shape.length === 2) this.weights[name] = tf.transpose(tensor);
      else this.weights[name] = tensor;
    }
    this.mean = tf.tensor(MEAN);
    this.perDeviation = tf.tensor(DEVIATION.map((value) => 1 / value));
  }

  pad(x) {
    return tf.mirrorPad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], 'reflect');
  }

  conv(x, name, activation = 'linear') {
    const filter = this.weights[`${name}.weight`];
    return tf.fused.conv2d({
      x: filter.shape[0] === 3 ? this.pad(x) : x, filter, strides: 1, pad: 'valid', bias: this.weights[`${name}.bias`], activation,
    });
  }

  linear(x, name, activation = 'linear') {
    return tf.fused.matMul({ a: x, b: this.weights[`${name}.weight`], bias: this.weights[`${name}.bias`], activation });
  }

  /** One scale and one shift in place of four passes over the features. */
  norm(x, scale, shift) {
    const { mean, variance } = tf.moments(x, [1, 2], true);
    const own = tf.mul(tf.rsqrt(tf.add(variance, EPSILON)), scale);
    return tf.add(tf.mul(x, own), tf.sub(shift, tf.mul(mean, own)));
  }

  /** A scale and a shift for every channel. */
  affine(code, name) {
    return tf.split(this.linear(code, name), 2, 1).map((row) => tf.reshape(row, [1, 1, 1, -1]));
  }

  styledNorm(x, code, name) {
    const [scale, shift] = this.affine(code, `${name}.affine`);
    return this.norm(x, tf.add(scale, 1), shift);
  }

  styledConv(x, code, name) {
    return tf.relu(this.styledNorm(this.conv(x, `${name}.conv.conv`), code, `${name}.norm`));
  }

  residualBlock(x, code, name) {
    const y = this.conv(this.styledConv(x, code, `${name}.first`), `${name}.second.conv`);
    return tf.add(this.styledNorm(y, code, `${name}.norm`), x);
  }

  styledNoise(x, code, name, planes) {
    const [scale, shift] = this.affine(code, `${name}.gain`);
    return tf.add(this.conv(tf.add(tf.mul(planes, scale), shift), `${name}.conv.conv`), x);
  }

  /** The input, and its convolution with kernels [1, 9 * channels] that follow from the style. */
  brush(x, kernels) {
    const channels = x.shape[3];
    const filter = tf.reshape(tf.transpose(tf.reshape(kernels, [channels, 9])), [3, 3, channels, 1]);
    return tf.add(tf.depthwiseConv2d(this.pad(x), filter, 1, 'valid'), x);
  }

  interpolate(x) {
    return tf.image.resizeBilinear(x, [2 * x.shape[1], 2 * x.shape[2]], false, true);
  }

  /** relu1_1, relu2_1, relu3_1 and relu4_1. */
  encode(picture) {
    const layer = (x, number) => this.conv(x, `encoder.conv${number}`, 'relu');
    const pool = (x) => tf.maxPool(x, 2, 2, 'valid');
    const relu1_1 = layer(tf.mul(tf.sub(picture, this.mean), this.perDeviation), '1_1');
    const relu2_1 = layer(pool(layer(relu1_1, '1_2')), '2_1');
    const relu3_1 = layer(pool(layer(relu2_1, '2_2')), '3_1');
    const relu3_3 = ['3_2', '3_3'].reduce(layer, relu3_1);
    return [relu1_1, relu2_1, relu3_1, layer(pool(relu3_3), '4_1')];
  }

  /** [1, 480] */
  statistics(picture) {
    return tf.concat(this.encode(picture).flatMap((level) => {
      const { mean, variance } = tf.moments(level, [1, 2]);
      return [mean, tf.sqrt(tf.add(variance, EPSILON))];
    }), 1);
  }

  /** `noise`: planes at 1/8, 1/4 and 1/2 of the size. */
  paint(photo, noise, statistics, matrix, offset, colouring) {
    const [, relu2_1, relu3_1, relu4_1] = this.encode(photo);
    const last = (start) => tf.reshape(tf.slice(statistics, [0, start], [1, 128]), [1, 1, 1, 128]);
    let x = this.norm(relu4_1, last(352), last(224));
    const standardized = tf.mul(tf.sub(statistics, this.weights['generator.statistics_mean']), this.weights['generator.statistics_scale']);
    let code = this.linear(standardized, 'generator.code_1', 'leakyrelu');
    code = this.linear(code, 'generator.code_2', 'leakyrelu');
    const { mean, variance } = tf.moments(code, 1, true);
    code = tf.mul(tf.sub(code, mean), tf.rsqrt(tf.add(variance, EPSILON)));
    const brushes = this.linear(this.linear(code, 'generator.brush_1'), 'generator.brush_2');
    const kernels = tf.split(brushes, BRUSHED.map((channels) => 9 * channels), 1);
    x = this.styledNoise(x, code, 'generator.noise_1', noise[0]);
    x = this.styledNorm(this.brush(x, kernels[0]), code, 'generator.brush_norm_1');
    x = this.residualBlock(x, code, 'generator.block_1');
    x = this.residualBlock(x, code, 'generator.block_2');
    x = this.interpolate(this.styledConv(x, code, 'generator.conv_1'));
    x = tf.add(this.conv(this.styledNorm(relu3_1, code, 'generator.gate'), 'generator.skip.conv'), x);
    x = this.styledNoise(x, code, 'generator.noise_2', noise[1]);
    x = this.styledNorm(this.brush(x, kernels[1]), code, 'generator.brush_norm_2');
    x = this.residualBlock(x, code, 'generator.block_3');
    x = this.residualBlock(x, code, 'generator.block_4');
    x = this.interpolate(this.styledConv(x, code, 'generator.conv_2'));
    x = tf.add(this.conv(this.styledNorm(relu2_1, code, 'generator.fine_gate'), 'generator.fine_skip.conv'), x);
    x = this.styledNoise(x, code, 'generator.noise_3', noise[2]);
    x = this.styledConv(this.brush(x, kernels[2]), code, 'generator.conv_3');
    x = this.interpolate(this.styledConv(x, code, 'generator.conv_4'));
    x = this.styledConv(x, code, 'generator.conv_5');
    // Kernels composed with the matrix: a smaller product than that of all pixels.
    const flat = this.weights['generator.conv_6.conv.weight'];
    const filter = tf.reshape(tf.matMul(tf.reshape(flat, [-1, 3]), colouring, false, true), flat.shape);
    const bias = tf.reshape(tf.matMul(tf.reshape(this.weights['generator.conv_6.conv.bias'], [1, 3]), colouring, false, true), [3]);
    x = tf.fused.conv2d({ x: this.pad(x), filter, strides: 1, pad: 'valid', bias });

    const mapped = tf.clipByValue(tf.add(tf.conv2d(tf.avgPool(photo, 4, 4, 'valid'), matrix, 1, 'valid'), offset), 0.02, 0.98);
    const logits = tf.log(tf.div(mapped, tf.sub(1, mapped)));
    // Weighted while it is small.
    const colour = tf.mul(logits, this.linear(code, 'generator.palette_weight'));
    return tf.sigmoid(tf.add(x, tf.image.resizeBilinear(colour, [photo.shape[1], photo.shape[2]], false, true)));
  }
}

contest(async ({ photo, style }) => {
  await tf.setBackend('webgpu');
  await tf.ready();
  if (tf.getBackend() !== 'webgpu') throw new Error('TensorFlow.js finds no WebGPU');
  const file = await (await fetch(new URL('../models/impasto.safetensors', import.meta.url))).arrayBuffer();
  const network = new Network(read(file));
  if (network.weights['generator.palette_weight.weight']?.shape[0] !== CODE) throw new Error('the weights are for another network');
  const picture = ({ size, rgba }) => tf.tensor4d(toFloats({ size, rgba }, true), [1, size, size, 3]);
  const statistics = tf.tidy(() => network.statistics(picture(style)));
  await statistics.data();
  // Found once: ours does it at every run.
  const noise = SCALES.map((scale) => {
    const { side, values } = noisePlanes(photo.size, scale);
    return tf.tensor4d(values, [1, side, side, 2]);
  });
  const map = colourMap(photo, style);
  const matrix = tf.reshape(tf.transpose(tf.tensor2d(map.matrix, [3, 3])), [1, 1, 3, 3]);
  const offset = tf.tensor1d(map.offset);
  const colouring = tf.tensor2d(map.colouring, [3, 3]);
  return async () => {
    const painting = tf.tidy(() => network.paint(picture(photo), noise, statistics, matrix, offset, colouring));
    const floats = /** @type {Float32Array} */ (await painting.data());
    painting.dispose();
    return toPixels(floats, true);
  };
});
