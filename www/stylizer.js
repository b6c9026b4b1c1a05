// The bridge to the worker: chooses the engine, survives its crashes, keeps only the newest
// request. Knows nothing of the page.

/** Silence longer than this means that the engine hangs (a lost GPU, a panic that nothing caught). */
const PATIENCE = {
  download: 60_000,
  start: 60_000,
  // A GPU answers within seconds; an emulated one needs a minute for 512 × 512.
  paint: (size) => 120_000 + 120_000 * (size / 512) ** 2,
};

/** The engines to try, in order. */
const PLANS = { auto: ['gpu', 'cpu'], gpu: ['gpu'], cpu: ['cpu'] };

/**
 * @typedef {object} Request
 * @property {Blob} photo
 * @property {number} size long side of the result in pixels; a smaller photo is not enlarged
 * @property {{ picture: Blob, weight: number }[]} styles weights need not sum to 1
 * @property {number} strength 0 (the photo) to 1 (the styles)
 *
 * @typedef {object} Painting
 * @property {ImageData} pixels
 * @property {{ encode: number, paint: number }} seconds
 *
 * @typedef {object} Status
 * @property {'downloading' | 'starting' | 'ready' | 'failed'} phase
 * @property {'gpu' | 'cpu'} kind
 * @property {number} [loaded] bytes, while downloading
 * @property {number} [total] bytes, where the server tells
 * @property {string} [device] the name of the graphics adapter, when ready on one
 * @property {string} [reason] why the preferred engine is not the one, or, when failed, why there is none
 * @property {boolean} crashed the engine before this one was running and died
 */

/** The reason of a promise that a newer request, or the visitor, made pointless. */
export class Replaced extends Error {}

/** A picture that cannot be read; `part` is 'photo' or 'style'. */
export class BadPicture extends Error {
  /** @param {'photo' | 'style'} part @param {string} problem */
  constructor(part, problem) {
    super(`${part}: ${problem}`);
    this.part = part;
    this.problem = problem;
  }
}

/** No engine could do it. */
export class EngineFailed extends Error {}

export class Stylizer {
  #plan;
  #forced;
  #onStatus;
  #worker;
  #kind;
  #ready = false;
  #reason; // why the engine before the current one was given up
  #crashed = false;
  #downloads = {};
  #timer;
  #current; // { id, request, resolve, reject } being painted
  #next; // the same, waiting
  #id = 0;
  #keys = new WeakMap(); // Blob → number, the name under which the worker keeps its encoding
  #lastKey = 0;

  /** @param {{ engine?: 'auto' | 'gpu' | 'cpu', onStatus?: (status: Status) => void }} [options] */
  constructor({ engine = 'auto', onStatus = () => {} } = {}) {
    this.#plan = [...PLANS[engine]];
    this.#forced = engine !== 'auto';
    this.#onStatus = onStatus;
    this.#spawn();
  }

  /**
   * Paints, as soon as the engine is ready. A request that is still waiting or running is
   * replaced: its promise is rejected with {@link Replaced}.
   * @param {Request} request
   * @returns {Promise<Painting>} rejected with {@link BadPicture} or {@link EngineFailed}
   */
  stylize(request) {
    this.#next?.reject(new Replaced());
    if (this.#current) {
      // The engine cannot be interrupted without losing what it has encoded, so it finishes this
      // one, unseen.
      this.#current.reject(new Replaced());
    }
    return new Promise((resolve, reject) => {
      this.#next = { id: ++this.#id, request, resolve, reject };
      if (!this.#worker) this.#spawn();
      this.#advance();
    });
  }

  /** Stops at once. Costs a new start of the engine if it was in the middle of a picture. */
  cancel() {
    this.#next?.reject(new Replaced());
    this.#next = undefined;
    if (!this.#current) return;
    this.#current.reject(new Replaced());
    this.#current = undefined;
    this.#spawn();
  }

  #spawn() {
    this.#worker?.terminate();
    this.#ready = false;
    this.#downloads = {};
    this.#kind = this.#plan[0];
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    this.#worker = worker;
    // What a worker said before it was terminated may still arrive.
    worker.addEventListener('message', ({ data }) => {
      if (worker === this.#worker) this.#receive(data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      if (worker === this.#worker) this.#failed('crashed');
    });
    worker.postMessage({ type: 'start', kind: this.#kind, softwareToo: this.#forced });
    this.#tell('starting');
    this.#patience(PATIENCE.start);
  }

  #receive(message) {
    switch (message.type) {
      case 'download': {
        this.#downloads[message.what] = message;
        const parts = Object.values(this.#downloads);
        const total = parts.length === 2 && parts.every((part) => part.total)
          ? parts[0].total + parts[1].total
          : undefined;
        const loaded = parts.reduce((sum, part) => sum + part.loaded, 0);
        this.#tell('downloading', { loaded, total });
        this.#patience(PATIENCE.download);
        break;
      }
      case 'starting':
        this.#tell('starting');
        this.#patience(PATIENCE.start);
        break;
      case 'ready':
        this.#ready = true;
        this.#patience();
        this.#tell('ready', { device: message.device });
        this.#crashed = false;
        this.#advance();
        break;
      case 'painted': {
        const pixels = new ImageData(message.rgba, message.width, message.height);
        this.#settle((job) => job.resolve({ pixels, seconds: message.seconds }));
        break;
      }
      case 'bad-picture':
        this.#settle((job) => job.reject(new BadPicture(message.part, message.problem)));
        break;
      case 'failed':
        this.#failed(message.reason);
        break;
    }
  }

  #settle(how) {
    const job = this.#current;
    this.#current = undefined;
    this.#patience();
    if (job) how(job);
    this.#advance();
  }

  /** Sends the waiting request, if the engine is free. */
  #advance() {
    if (!this.#ready || this.#current || !this.#next) return;
    const job = this.#next;
    this.#next = undefined;
    this.#current = job;
    const { photo, size, styles, strength } = job.request;
    this.#worker.postMessage({
      type: 'stylize',
      id: job.id,
      photo: { key: this.#key(photo), blob: photo, size },
      styles: styles.map(({ picture, weight }) => ({ key: this.#key(picture), blob: picture, weight })),
      strength,
    });
    this.#patience(PATIENCE.paint(size));
  }

  #key(blob) {
    if (!this.#keys.has(blob)) this.#keys.set(blob, ++this.#lastKey);
    return this.#keys.get(blob);
  }

  #patience(milliseconds) {
    clearTimeout(this.#timer);
    if (milliseconds) this.#timer = setTimeout(() => this.#failed('time-out'), milliseconds);
  }

  /** The engine died or would not start: the next one of the plan takes over, or a fresh copy. */
  #failed(reason) {
    this.#patience();
    this.#worker.terminate();
    this.#worker = undefined;
    const ran = this.#ready;
    const job = this.#current;
    this.#current = undefined;
    this.#crashed = ran;
    if (this.#plan.length > 1) {
      this.#reason = reason;
      this.#plan.shift();
      this.#next ??= job;
      this.#spawn();
    } else if (ran) {
      job?.reject(new EngineFailed(reason));
      this.#spawn();
    } else {
      // It does not even start. The next request tries again.
      this.#ready = false;
      job?.reject(new EngineFailed(reason));
      this.#next?.reject(new EngineFailed(reason));
      this.#next = undefined;
      this.#tell('failed', { reason });
    }
  }

  #tell(phase, more = {}) {
    this.#onStatus({ phase, kind: this.#kind, reason: this.#reason, crashed: this.#crashed, ...more });
  }
}
