// The map from a photo's colours to a style's, as in src/palette.rs: no network's work, but the
// network takes it.
// Impasto asks for a little more than the style's own colours (Stylizer::aim), the others here do not, so that the differences
// of their pictures are those of colours above all; export_onnx.py --verify compares with the same ones.

const RIDGE = 1e-4;
// The slope of a logit in the middle.
const SLOPE = 4;

/** @typedef {number[][]} Matrix 3 × 3, symmetric where it says so */

const rows = [0, 1, 2];
/** @param {(row: number, column: number) => number} value @returns {Matrix} */
const matrix = (value) => rows.map((row) => rows.map((column) => value(row, column)));
/** @param {Matrix} a @param {Matrix} b */
const times = (a, b) => matrix((row, column) => rows.reduce((sum, k) => sum + a[row][k] * b[k][column], 0));

/** @param {{ rgba: Uint8ClampedArray }} picture @returns {{ mean: number[], covariance: Matrix }} */
function colours({ rgba }) {
  const count = rgba.length / 4;
  const mean = [0, 0, 0];
  for (let i = 0; i < rgba.length; i += 4) for (const c of rows) mean[c] += rgba[i + c] / 255 / count;
  const covariance = matrix(() => 0);
  for (let i = 0; i < rgba.length; i += 4) {
    const offset = rows.map((c) => rgba[i + c] / 255 - mean[c]);
    for (const a of rows) for (const b of rows) covariance[a][b] += (offset[a] * offset[b]) / count;
  }
  return { mean, covariance };
}

/** `symmetric ** exponent`, by Jacobi's rotations. @param {Matrix} symmetric @param {number} exponent */
function power(symmetric, exponent) {
  let a = symmetric;
  let vectors = matrix((row, column) => Number(row === column));
  for (let sweep = 0; sweep < 30; sweep++) {
    for (const [p, q] of [[0, 1], [0, 2], [1, 2]]) {
      if (Math.abs(a[p][q]) < 1e-300) continue;
      const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
      const rotation = matrix((row, column) => {
        if (row === column) return row === p || row === q ? Math.cos(angle) : 1;
        if (row === p && column === q) return Math.sin(angle);
        return row === q && column === p ? -Math.sin(angle) : 0;
      });
      const back = matrix((row, column) => rotation[column][row]);
      a = times(times(back, a), rotation);
      vectors = times(vectors, rotation);
    }
  }
  const values = rows.map((i) => Math.max(a[i][i], RIDGE * RIDGE) ** exponent);
  return matrix((row, column) => rows.reduce((sum, k) => sum + vectors[row][k] * values[k] * vectors[column][k], 0));
}

/**
 * @param {{ rgba: Uint8ClampedArray }} photo
 * @param {{ rgba: Uint8ClampedArray }} style
 * @returns {{ matrix: Float32Array, offset: Float32Array, colouring: Float32Array }} `colour -> matrix * colour + offset`,
 * and the matrix that makes colours of strokes, row-major
 */
export function colourMap(photo, style) {
  const [from, to] = [colours(photo), colours(style)];
  const ridged = (/** @type {Matrix} */ of) => matrix((row, column) => of[row][column] + (row === column ? RIDGE : 0));
  const [source, goal] = [ridged(from.covariance), ridged(to.covariance)];
  const [root, inverse] = [power(source, 0.5), power(source, -0.5)];
  const map = times(times(inverse, power(times(times(root, goal), root), 0.5)), inverse);
  const offset = rows.map((row) => to.mean[row] - rows.reduce((sum, k) => sum + map[row][k] * from.mean[k], 0));
  const colouring = power(to.covariance, 0.5).flat().map((value) => SLOPE * value);
  return { matrix: Float32Array.from(map.flat()), offset: Float32Array.from(offset), colouring: Float32Array.from(colouring) };
}
