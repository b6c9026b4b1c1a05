// The self-test page: paints a tiny known picture on each engine and compares it with what the CPU
// engine painted when this version was built.

import { version } from './build.js';
import { SIDE } from './known.js';
import { Stylizer } from './stylizer.js';

const english = {
  title: 'Does Impasto paint correctly here?',
  lead: 'This page paints a tiny picture on each engine of this device and compares it with the picture that it must be.',
  back: 'Back to Impasto',
  cpu: 'Processor',
  webgpu: 'Graphics processor (WebGPU)',
  running: 'Painting…',
  right: 'Correct',
  wrong: 'Wrong',
  failed: 'Did not run',
  absent: 'Not here',
  painting: 'What it painted',
  amount: (/** @type {string} */ mean, /** @type {number} */ most, /** @type {string} */ seconds) =>
    `Off by ${mean} of 255 on average and by ${most} at most, in ${seconds} s.`,
  crashed: 'It stopped while it started.',
  'time-out': 'It did not answer.',
  lost: 'The graphics processor went away.',
  insecure: 'Browsers give WebGPU only to pages opened with https. Open the same address with https.',
  'no-webgpu': 'This browser has no WebGPU. A current Chrome, Edge, Safari or Firefox has.',
  'no-adapter': 'The browser found no graphics processor that it wants to use. Switch on hardware acceleration in its settings, and update the graphics driver.',
  version: (/** @type {string} */ name) => `Version ${name}`,
  fine: 'Everything that runs here paints correctly.',
  fallBack: 'The graphics processor paints wrongly here, so Impasto uses the processor. A newer browser or graphics driver may mend it.',
  noGpu: 'The processor paints correctly. There is no usable graphics processor, so Impasto uses the processor.',
  broken: 'The processor does not paint correctly here: pictures cannot be trusted. Reload the page; if that does not help, try another browser.',
};

/** @type {typeof english} */
const chinese = {
  title: 'Impasto 在这台设备上画得对吗？',
  lead: '本页用这台设备的每个引擎画一幅小图，再与应有的结果比较。',
  back: '返回 Impasto',
  cpu: '处理器',
  webgpu: '显卡（WebGPU）',
  running: '正在画…',
  right: '正确',
  wrong: '不正确',
  failed: '无法运行',
  absent: '这里没有',
  painting: '画出的图片',
  amount: (mean, most, seconds) => `满分 255，平均相差 ${mean}，最多相差 ${most}，用时 ${seconds} 秒。`,
  crashed: '启动时中断了。',
  'time-out': '没有响应。',
  lost: '显卡中途断开。',
  insecure: '浏览器只给 https 页面提供 WebGPU。请用 https 打开同一地址。',
  'no-webgpu': '这个浏览器没有 WebGPU。新版的 Chrome、Edge、Safari 或 Firefox 都有。',
  'no-adapter': '浏览器没有找到可用的显卡。请在浏览器设置中打开硬件加速，并更新显卡驱动。',
  version: (name) => `版本 ${name}`,
  fine: '这里能运行的引擎都画得正确。',
  fallBack: '显卡在这里画得不正确，因此 Impasto 使用处理器。更新浏览器或显卡驱动也许能解决。',
  noGpu: '处理器画得正确。这里没有可用的显卡，因此 Impasto 使用处理器。',
  broken: '处理器在这里画得不正确，图片不可信。请重新加载页面；若仍不行，请换一个浏览器。',
};

const inChinese = (new URLSearchParams(location.search).get('lang') ?? navigator.language).startsWith('zh');
const words = inChinese ? chinese : english;
document.documentElement.lang = inChinese ? 'zh-CN' : 'en';
for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-words]'))) {
  element.textContent = /** @type {string} */ (words[/** @type {'title'} */ (element.dataset.words)]);
}
document.title = `Impasto: ${words.title}`;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
$('version').textContent = words.version(version);

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {HTMLElement} parent @param {K} tag @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 */
const add = (parent, tag, properties) => parent.appendChild(Object.assign(document.createElement(tag), properties));

/** @param {'cpu' | 'webgpu'} kind @returns {Promise<'right' | 'wrong' | 'failed' | 'absent'>} */
async function testEngine(kind) {
  const card = add($('engines'), 'section');
  card.dataset.engine = kind;
  const canvas = add(card, 'canvas', { width: SIDE, height: SIDE, ariaLabel: words.painting });
  canvas.setAttribute('role', 'img');
  const told = add(card, 'div');
  const name = add(told, 'h2', { textContent: words[kind] });
  const result = add(told, 'p', { className: 'result', textContent: words.running });
  const detail = add(told, 'p', { className: 'quiet' });
  /** @type {'right' | 'wrong' | 'failed' | 'absent'} */
  let outcome = 'failed';
  try {
    const stylizer = await Stylizer.load({ engine: kind });
    if (kind === 'webgpu') name.textContent = `${words[kind]}: ${stylizer.engine.name}`;
    const began = performance.now();
    const { ok, mean, most, rgba } = await stylizer.selfTest();
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    stylizer.dispose();
    outcome = ok ? 'right' : 'wrong';
    detail.textContent = words.amount(mean.toFixed(2), most, seconds);
    canvas.getContext('2d')?.putImageData(new ImageData(Uint8ClampedArray.from(rgba), SIDE), 0, 0);
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    // The browser has no WebGPU, or the device no GPU: nothing failed.
    if (['no-webgpu', 'insecure', 'no-adapter'].includes(message)) outcome = 'absent';
    detail.textContent = Object.hasOwn(words, message) ? String(words[/** @type {'crashed'} */ (message)]) : message;
    canvas.hidden = true;
  }
  result.textContent = words[outcome];
  card.dataset.result = outcome;
  return outcome;
}

// One after the other: together they would only slow each other down.
const cpu = await testEngine('cpu');
const gpu = await testEngine('webgpu');
if (cpu !== 'right') $('summary').textContent = words.broken;
else if (gpu === 'right') $('summary').textContent = words.fine;
else $('summary').textContent = gpu === 'wrong' ? words.fallBack : words.noGpu;
document.documentElement.dataset.done = 'true';
