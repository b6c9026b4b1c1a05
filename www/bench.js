// The benchmark page: races our engines, and other runtimes where they are served along, on this
// device. One run of each after the other, many times over, so that whatever else the device does
// meets them all alike; what counts is the ratio.
//
// A run goes from the photo's pixels to the painting's, with the style encoded before. Every
// contestant has a worker of its own, which takes the time itself.
//
// In the address: `peers` loads ../peers/peers.js, which tests/benchmark/browser.mjs serves along;
// `run` starts at once; `sizes`, `gpu-sizes`, `runs` and `only` (parts of names) set what is raced.

import { adapterName } from './adapter.js';
import { version } from './build.js';
import { scriptUrl } from './trusted.js';

/**
 * @typedef {object} Contestant
 * @property {string} name
 * @property {'cpu' | 'webgpu'} kind
 * @property {URL | string} worker a module that calls contest() of bench-contestant.js
 * @property {object} options for the worker
 * @property {boolean} same whether it computes our network, and must paint what we paint
 * @property {number[]} [sizes] where it can do these only
 *
 * @typedef {import('./bench-contestant.js').Square} Square
 * @typedef {import('./bench-contestant.js').Sample} Sample
 *
 * @typedef {object} Racing
 * @property {Contestant} contestant
 * @property {Worker} worker
 * @property {number} start milliseconds until everything is loaded and the style encoded
 * @property {Sample} first with whatever is compiled only then
 * @property {number[]} times
 * @property {Sample} last
 *
 * @typedef {{ name: string, cells: string[] }} Row
 */

const STYLE_SIZE = 384;
const SIZES = [256, 384, 512, 1024];
/** An engine that emulates a GPU takes minutes for more. */
const EMULATED = 256;
/** Milliseconds after which a contestant is given up. */
const PATIENCE = 600_000;

const english = {
  title: 'How fast is Impasto on this device?',
  lead: 'Every engine paints the same photo in turn, many times over. Close other programs first, and leave this page in front.',
  engines: 'Engines',
  sizes: 'Sides of the square photo, in pixels',
  runs: 'Runs of each',
  start: 'Start',
  report: 'Report',
  copy: 'Copy',
  copied: 'Copied',
  back: 'Back to Impasto',
  alone: 'Only our own engines are measured here. To race other runtimes on the same network, see tests/benchmark/browser.mjs in the source.',
  opening: (/** @type {string} */ name, /** @type {number} */ size) => `${size} × ${size}: starting ${name}…`,
  racing: (/** @type {number} */ round, /** @type {number} */ runs, /** @type {number} */ size) => `${size} × ${size}: round ${round} of ${runs}…`,
  done: 'Done.',
  failed: (/** @type {string} */ why) => `The benchmark could not run: ${why}`,
};
/** @type {typeof english} */
const chinese = {
  title: 'Impasto 在这台设备上有多快？',
  lead: '各引擎轮流把同一张照片画许多遍。请先关闭其他程序，并让本页保持在前台。',
  engines: '引擎',
  sizes: '正方形照片的边长（像素）',
  runs: '各画几遍',
  start: '开始',
  report: '报告',
  copy: '复制',
  copied: '已复制',
  back: '返回 Impasto',
  alone: '这里只测量我们自己的引擎。要与其他运行库用同一网络比较，见源码中的 tests/benchmark/browser.mjs。',
  opening: (name, size) => `${size} × ${size}：正在启动 ${name}…`,
  racing: (round, runs, size) => `${size} × ${size}：第 ${round} 轮，共 ${runs} 轮…`,
  done: '完成。',
  failed: (why) => `无法测量：${why}`,
};

const inChinese = navigator.language.startsWith('zh');
const words = inChinese ? chinese : english;
document.documentElement.lang = inChinese ? 'zh-CN' : 'en';
for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-words]'))) {
  element.textContent = /** @type {string} */ (words[/** @type {'title'} */ (element.dataset.words)]);
}
document.title = `Impasto: ${words.title}`;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const asked = new URLSearchParams(location.search);

// ---- numbers ----------------------------------------------------------------------------------

/** @param {number[]} values @param {number} part 0..1 */
function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = part * (sorted.length - 1);
  const below = Math.floor(at);
  return sorted[below] + (at - below) * (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]);
}

/** @param {number[]} values @param {number} digits */
function spread(values, digits) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(values, part).toFixed(digits));
  return `${middle} (${low}–${high})`;
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b RGBA: the opacity is the same everywhere */
function meanDifference(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / (0.75 * a.length);
}

/** @param {number} bytes */
const megabytes = (bytes) => (bytes ? (bytes / 1e6).toFixed(0) : '–');

// ---- pictures -----------------------------------------------------------------------------------

/** The first picture of a list, its middle as a square. @param {string} list @param {number} size @returns {Promise<Square>} */
async function square(list, size) {
  const address = new URL(list, import.meta.url);
  const [{ file }] = await (await fetch(address)).json();
  const bitmap = await createImageBitmap(await (await fetch(new URL(file, address))).blob());
  const side = Math.min(bitmap.width, bitmap.height);
  const context = new OffscreenCanvas(size, size).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('this browser gives no canvas');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, size, size);
  bitmap.close();
  return { size, rgba: /** @type {Uint8ClampedArray<ArrayBuffer>} */ (context.getImageData(0, 0, size, size).data) };
}

// ---- the race -----------------------------------------------------------------------------------

/** @param {Worker} worker @param {object} message @returns {Promise<{ sample: Sample, start?: number }>} */
function ask(worker, message) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer')), PATIENCE);
    worker.onmessage = ({ data }) => {
      clearTimeout(timer);
      if (data.failed === undefined) resolve(data);
      else reject(new Error(data.failed));
    };
    worker.onerror = (event) => {
      clearTimeout(timer);
      reject(new Error(event.message || 'the worker could not start'));
    };
    worker.postMessage(message);
  });
}

/**
 * @param {number} size
 * @param {Contestant[]} contestants
 * @param {number} runs
 */
async function race(size, contestants, runs) {
  const [photo, style] = await Promise.all([square('samples/samples.json', size), square('styles/styles.json', STYLE_SIZE)]);
  /** @type {Racing[]} */
  let racing = [];
  /** @type {Row[]} */
  const failures = [];
  /** @param {string} name @param {unknown} error */
  const failed = (name, error) => failures.push({ name, cells: [`did not run: ${/** @type {Error} */ (error).message}`] });

  for (const contestant of contestants) {
    $('status').textContent = words.opening(contestant.name, size);
    const worker = new Worker(scriptUrl(contestant.worker), { type: 'module' });
    try {
      const { sample, start = 0 } = await ask(worker, { open: { photo, style, options: contestant.options } });
      racing.push({ contestant, worker, start, first: sample, times: [], last: sample });
    } catch (error) {
      worker.terminate();
      failed(contestant.name, error);
    }
  }
  for (let round = 0; round < runs; round++) {
    $('status').textContent = words.racing(round + 1, runs, size);
    // Not always after the same one: what it leaves in caches, or a processor slowed by heat.
    const at = round % racing.length;
    for (const one of [...racing.slice(at), ...racing.slice(0, at)]) {
      try {
        one.last = (await ask(one.worker, { run: true })).sample;
        one.times.push(one.last.ms);
      } catch (error) {
        one.worker.terminate();
        racing = racing.filter((other) => other !== one);
        failed(one.contestant.name, error);
      }
    }
  }
  for (const { worker } of racing) worker.terminate();
  return [...racing.map((one) => row(one, racing)), ...failures];
}

const COLUMNS = ['engine', 'start, ms', 'first run, ms', 'run, ms', 'Impasto ÷ this', 'wasm memory, MB', 'GPU buffers, MB', 'launches', 'submissions', 'difference of 255'];

/** @param {Racing} one @param {Racing[]} racing @returns {Row} */
function row({ contestant: { name, kind, same }, start, first, times, last }, racing) {
  const ours = racing.find(({ contestant }) => contestant.kind === kind);
  const own = !ours || ours.contestant.name === name;
  const ratios = own ? [] : times.map((time, round) => ours.times[round] / time);
  return {
    name,
    cells: [
      start.toFixed(0), first.ms.toFixed(0), spread(times, times[0] < 100 ? 1 : 0),
      own ? '–' : spread(ratios, 2),
      megabytes(last.wasmBytes), kind === 'webgpu' ? megabytes(last.gpuBytes) : '–',
      kind === 'webgpu' ? String(last.launches) : '–', kind === 'webgpu' ? String(last.submissions) : '–',
      // The first of all is ours, by the CPU if that runs.
      same && racing[0].contestant.same ? meanDifference(last.rgba, racing[0].last.rgba).toFixed(3) : '–',
    ],
  };
}

/** @param {number} size @param {Row[]} rows */
function showTable(size, rows) {
  const heading = document.createElement('h2');
  heading.textContent = `${size} × ${size}`;
  const table = document.createElement('table');
  const line = (/** @type {string[]} */ cells, /** @type {'th' | 'td'} */ kind) => {
    const tr = table.insertRow();
    for (const cell of cells) {
      const element = tr.appendChild(document.createElement(kind));
      element.textContent = cell;
      if (cells.length === 2 && element === tr.lastChild && tr.cells.length === 2) /** @type {HTMLTableCellElement} */ (element).colSpan = COLUMNS.length - 1;
    }
  };
  line(COLUMNS, 'th');
  for (const { name, cells } of rows) line([name, ...cells], 'td');
  $('tables').append(heading, table);
}

/** @param {number} size @param {Row[]} rows as Markdown */
function tableText(size, rows) {
  const lines = [COLUMNS, COLUMNS.map((_, i) => (i ? '---:' : '---')), ...rows.map(({ name, cells }) => [name, ...cells, ...Array(COLUMNS.length - 1 - cells.length).fill('')])];
  return `${size} × ${size}\n\n${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

// ---- the page -----------------------------------------------------------------------------------

const own = new URL('bench-worker.js', import.meta.url);
/** @type {Contestant[]} */
const all = [
  { name: 'Impasto, CPU', kind: 'cpu', worker: own, options: { kind: 'cpu' }, same: true },
  { name: 'Impasto, WebGPU', kind: 'webgpu', worker: own, options: { kind: 'webgpu' }, same: true },
];
if (asked.has('peers')) {
  const address = new URL('../peers/peers.js', import.meta.url).href;
  all.push(...(await import(address)).peers);
} else {
  $('peers').textContent = words.alone;
}

/** The graphics adapter's name, or why there is none. */
const adapter = { name: '', emulated: false, usable: true };
try {
  adapter.name = await adapterName(true);
  adapter.emulated = await adapterName(false).then(() => false, () => true);
} catch (error) {
  adapter.name = /** @type {Error} */ (error).message;
  adapter.usable = false;
}

/** @param {string} field @param {string} value @param {string} label @param {boolean} checked */
function addBox(field, value, label, checked) {
  const element = document.createElement('label');
  const box = element.appendChild(document.createElement('input'));
  Object.assign(box, { type: 'checkbox', name: field, value, checked });
  element.append(` ${label}`);
  $(field).append(element);
}
const numbers = (/** @type {string} */ name) => asked.get(name)?.split(',').map(Number);
const parts = asked.get('only')?.toLowerCase().split(',');
for (const { name, kind } of all) {
  const wanted = !parts || parts.some((part) => name.toLowerCase().includes(part));
  addBox('engines', name, name, wanted && (kind === 'cpu' || adapter.usable));
}
for (const size of new Set([...SIZES, ...numbers('sizes') ?? []])) {
  addBox('sizes', String(size), String(size), (numbers('sizes') ?? [256, 512]).includes(size));
}
const runsField = /** @type {HTMLInputElement} */ ($('runs'));
if (asked.has('runs')) runsField.value = /** @type {string} */ (asked.get('runs'));

/** @param {string} field */
const checked = (field) => [...document.querySelectorAll(`#${field} input:checked`)].map((box) => /** @type {HTMLInputElement} */ (box).value);

async function start() {
  const runs = runsField.valueAsNumber;
  const names = checked('engines');
  const gpuSizes = numbers('gpu-sizes');
  const mayGpu = (/** @type {number} */ size) => (gpuSizes ? gpuSizes.includes(size) : !adapter.emulated || size <= EMULATED);
  $('tables').replaceChildren();
  $('reporting').hidden = true;
  const memory = /** @type {any} */ (navigator).deviceMemory;
  const report = [
    `Impasto benchmark, version ${version}, ${new Date().toISOString().slice(0, 10)}`,
    `Browser: ${navigator.userAgent}`,
    `Processor: ${navigator.hardwareConcurrency} threads${memory ? `, ${memory} GB of memory or more` : ''}; one is used`,
    `GPU: ${adapter.name}${adapter.emulated ? ' - EMULATED on the processor: its times say nothing about a GPU' : ''}`,
    `${runs} interleaved runs of each, from the photo's pixels to the painting's, the style being encoded.`,
    'Times and ratios: median (quartiles); the ratios are taken within each round, against our engine of the',
    'same kind (CPU or WebGPU). Memory is the most so far; GPU buffers are what was asked for by name.', '',
  ];
  for (const size of checked('sizes').map(Number)) {
    const contestants = all.filter(({ name, kind, sizes }) => names.includes(name)
      && (!sizes || sizes.includes(size)) && (kind === 'cpu' || mayGpu(size)));
    if (!contestants.length) continue;
    const rows = await race(size, contestants, runs);
    showTable(size, rows);
    report.push(tableText(size, rows));
  }
  $('report').textContent = report.join('\n');
  $('reporting').hidden = false;
  $('status').textContent = words.done;
}

$('wishes').addEventListener('submit', async (event) => {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ ($('start'));
  button.disabled = true;
  delete document.documentElement.dataset.done;
  try {
    await start();
  } catch (error) {
    $('status').textContent = words.failed(/** @type {Error} */ (error).message);
  }
  document.documentElement.dataset.done = 'true';
  button.disabled = false;
});
$('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText($('report').textContent ?? '');
  $('copy').textContent = words.copied;
});
if (asked.has('run')) {
  const wishes = /** @type {HTMLFormElement} */ ($('wishes'));
  // A number that the form refuses would otherwise start nothing, and nobody is there to see why.
  if (wishes.checkValidity()) {
    wishes.requestSubmit();
  } else {
    $('status').textContent = words.failed(runsField.validationMessage);
    document.documentElement.dataset.done = 'true';
  }
}
document.documentElement.dataset.ready = 'true';
