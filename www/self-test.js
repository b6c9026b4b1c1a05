// The self-test page: paints a tiny known picture on each engine and compares it with what the CPU
// engine painted when this version was built.

import { version } from './build.js';
import { SIDE } from './known.js';
import { Stylizer } from './stylizer.js';

const english = {
  title: 'Does Impasto paint correctly here?',
  lead: 'This page paints a tiny picture on each engine of this device and compares it with the picture that it must be.',
  engine: 'Engine',
  result: 'Result',
  difference: 'Difference, of 255',
  time: 'Time',
  picture: 'Picture',
  back: 'Back to Impasto',
  cpu: 'Processor',
  webgpu: 'Graphics processor (WebGPU)',
  running: 'painting…',
  right: 'correct',
  wrong: 'wrong',
  failed: 'did not run',
  amount: (/** @type {string} */ mean, /** @type {number} */ most) => `${mean} on average, ${most} at most`,
  seconds: (/** @type {string} */ seconds) => `${seconds} s`,
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
  engine: '引擎',
  result: '结果',
  difference: '差异（满分 255）',
  time: '用时',
  picture: '图片',
  back: '返回 Impasto',
  cpu: '处理器',
  webgpu: '显卡（WebGPU）',
  running: '正在绘制…',
  right: '正确',
  wrong: '不正确',
  failed: '无法运行',
  amount: (mean, most) => `平均 ${mean}，最大 ${most}`,
  seconds: (seconds) => `${seconds} 秒`,
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

/** @param {'cpu' | 'webgpu'} kind @returns {Promise<'right' | 'wrong' | 'failed'>} */
async function testEngine(kind) {
  const row = $('engines').appendChild(document.createElement('tr'));
  const [name, result, difference, time, picture] = Array.from({ length: 5 }, () => row.appendChild(document.createElement('td')));
  name.textContent = words[kind];
  result.textContent = words.running;
  row.dataset.engine = kind;
  /** @type {'right' | 'wrong' | 'failed'} */
  let outcome = 'failed';
  try {
    const stylizer = await Stylizer.load({ engine: kind });
    if (kind === 'webgpu') name.textContent = `${words[kind]}: ${stylizer.engine.name}`;
    const began = performance.now();
    const { ok, mean, most, rgba } = await stylizer.selfTest();
    time.textContent = words.seconds(((performance.now() - began) / 1000).toFixed(2));
    stylizer.dispose();
    outcome = ok ? 'right' : 'wrong';
    difference.textContent = words.amount(mean.toFixed(2), most);
    const canvas = picture.appendChild(document.createElement('canvas'));
    canvas.width = canvas.height = SIDE;
    canvas.getContext('2d')?.putImageData(new ImageData(Uint8ClampedArray.from(rgba), SIDE), 0, 0);
    result.textContent = words[outcome];
  } catch (error) {
    result.textContent = `${words.failed} (${/** @type {Error} */ (error).message})`;
  }
  row.dataset.result = outcome;
  return outcome;
}

// One after the other: together they would only slow each other down.
const cpu = await testEngine('cpu');
const gpu = await testEngine('webgpu');
if (cpu !== 'right') $('summary').textContent = words.broken;
else if (gpu === 'right') $('summary').textContent = words.fine;
else $('summary').textContent = gpu === 'wrong' ? words.fallBack : words.noGpu;
document.documentElement.dataset.done = 'true';
