// Firefox and WebKit, with the same few methods: what tests/browser/browsers.test.mjs needs of them.

import { spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Milliseconds for what a person would wait for; the machine may be busy. */
const PATIENCE = 60_000;
const sleep = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

/**
 * A browser with one page.
 * @typedef {object} Session
 * @property {string} version
 * @property {(url: string) => Promise<void>} open
 * @property {(use: (...all: any[]) => unknown, ...all: unknown[]) => Promise<any>} evaluate in the page
 * @property {(selector: string, paths: string[]) => Promise<void>} choose files in an input
 * @property {(selector: string) => Promise<void>} click
 * @property {(key: string, options?: { ctrl?: boolean }) => Promise<void>} press
 * @property {() => Promise<void>} close
 */

/** Polls until `use` is true in the page. @param {Session} session */
export async function until(session, use, ...all) {
  const end = performance.now() + PATIENCE;
  for (;;) {
    // While a page loads there may be none.
    const found = await session.evaluate(use, ...all).catch((error) => { if (performance.now() > end) throw error; });
    if (found) return found;
    if (performance.now() > end) throw new Error(`waited in vain for ${use} ${JSON.stringify(all)}`);
    await sleep(50);
  }
}

async function found(...names) {
  for (const name of names.filter(Boolean)) {
    for (const folder of name.startsWith('/') ? [''] : (process.env.PATH ?? '').split(delimiter)) {
      const path = name.startsWith('/') ? name : join(folder, name);
      if (await access(path).then(() => true, () => false)) return path;
    }
  }
  return undefined;
}

/** @returns {Promise<string | undefined>} why there is no Firefox to test with */
export const whyNoFirefox = async () => (await firefoxPath() ? undefined : 'Firefox is not installed (Debian: firefox-esr)');
const firefoxPath = () => found(process.env.FIREFOX, 'firefox-esr', 'firefox');

/** @returns {Promise<Session>} */
export async function firefox() {
  const { default: puppeteer } = await import('puppeteer-core');
  const browser = await puppeteer.launch({
    browser: 'firefox', executablePath: await firefoxPath(), headless: true, protocolTimeout: 2 * PATIENCE,
    extraPrefsFirefox: { 'intl.accept_languages': 'en-US', 'datareporting.policy.dataSubmissionEnabled': false },
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on('dialog', (asked) => asked.accept()); // whether to leave, as WebDriver does by itself
  await page.setViewport({ width: 1280, height: 800 });
  return {
    version: await browser.version(),
    open: async (url) => { await page.goto(url); },
    evaluate: (use, ...all) => page.evaluate(use, ...all),
    choose: async (selector, paths) => { await (await page.waitForSelector(selector)).uploadFile(...paths); },
    click: async (selector) => { await (await page.waitForSelector(selector)).click(); },
    press: async (key, { ctrl = false } = {}) => {
      if (ctrl) await page.keyboard.down('Control');
      await page.keyboard.press(key);
      if (ctrl) await page.keyboard.up('Control');
    },
    close: () => browser.close(),
  };
}

const miniBrowser = () => found(...['4.1', '6.0', '4.0'].flatMap((version) =>
  ['x86_64', 'aarch64'].map((kind) => `/usr/lib/${kind}-linux-gnu/webkit2gtk-${version}/MiniBrowser`)));

/** @returns {Promise<string | undefined>} why there is no WebKit to test with */
export async function whyNoWebKit() {
  const has = await Promise.all([found('WebKitWebDriver'), found('Xvfb'), miniBrowser()]);
  return has.every(Boolean) ? undefined : 'WebKit is not installed (Debian: webkit2gtk-driver and xvfb)';
}

const freePort = () => new Promise((done, failed) => {
  const server = createServer();
  server.once('error', failed).listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

/** WebKit, the engine of Safari, by plain WebDriver, which it speaks only. @returns {Promise<Session>} */
export async function webkit() {
  const home = await mkdtemp(join(tmpdir(), 'impasto-webkit-'));
  // It takes a free display and says which.
  const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const display = await new Promise((done, failed) => {
    screen.once('error', failed).once('exit', () => failed(new Error('Xvfb ended')));
    screen.stdio[3].once('data', (data) => done(`:${String(data).trim()}`));
  });
  const port = await freePort();
  const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
    stdio: 'ignore',
    env: {
      ...process.env, DISPLAY: display, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), XDG_DATA_HOME: join(home, 'data'), LANG: 'en_US.UTF-8', LANGUAGE: 'en_US',
      // The sandbox does not start as root, nor in most containers.
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
    },
  });
  // A test that is killed must not leave them behind.
  process.once('exit', () => { for (const one of [driver, screen]) one.kill(); });
  let session = '';
  const ask = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${session}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (value?.error) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  const close = async () => {
    if (session) await ask('DELETE', '').catch(() => {});
    for (const one of [driver, screen]) {
      const ended = new Promise((done) => { one.once('exit', done); });
      if (one.exitCode === null && one.signalCode === null && one.kill()) await ended;
    }
    // Its processes may write a last time.
    await rm(home, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    const end = performance.now() + PATIENCE;
    while (!(await ask('GET', '/status').catch(() => undefined))?.ready) {
      if (performance.now() > end) throw new Error('WebKitWebDriver does not answer');
      await sleep(50);
    }
    const { sessionId, capabilities } = await ask('POST', '/session', {
      capabilities: {
        alwaysMatch: {
          browserName: 'MiniBrowser', pageLoadStrategy: 'normal', timeouts: { script: PATIENCE, pageLoad: PATIENCE },
          'webkitgtk:browserOptions': { binary: await miniBrowser(), args: ['--automation'] },
        },
      },
    });
    session = `/session/${sessionId}`;
    await ask('POST', '/window/rect', { width: 1280, height: 900 }).catch(() => {});
    const element = async (selector) => Object.values(await ask('POST', '/element', { using: 'css selector', value: selector }))[0];
    return {
      version: `${capabilities.browserName} ${capabilities.browserVersion}`,
      open: (url) => ask('POST', '/url', { url }),
      evaluate: async (use, ...all) => {
        const script = `const done = arguments[arguments.length - 1];
          Promise.resolve().then(() => (${use})(...arguments[0])).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
        const { value, error } = await ask('POST', '/execute/async', { script, args: [all] });
        if (error) throw new Error(error);
        return value;
      },
      choose: async (selector, paths) => { await ask('POST', `/element/${await element(selector)}/value`, { text: paths.join('\n') }); },
      click: async (selector) => { await ask('POST', `/element/${await element(selector)}/click`, {}); },
      press: async (key, { ctrl = false } = {}) => {
        const value = { Escape: '\uE00C', Enter: '\uE007', ArrowRight: '\uE014' }[key] ?? key;
        const stroke = [{ type: 'keyDown', value }, { type: 'keyUp', value }];
        const control = '\uE009';
        const actions = ctrl ? [{ type: 'keyDown', value: control }, ...stroke, { type: 'keyUp', value: control }] : stroke;
        await ask('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
