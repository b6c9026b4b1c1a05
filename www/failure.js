// How an engine fails.

/**
 * @typedef {'offline' | 'memory' | 'lost' | 'timeout' | 'crashed' | 'unsupported' | 'blocked'} FailureCode
 *   offline: a file did not come, or was not the right one; memory: there was not enough; lost: the graphics
 *   processor went away; timeout: nothing answered; crashed: the engine stopped for another reason;
 *   unsupported: the browser or the device cannot do it, or does it wrongly; blocked: the browser does not
 *   allow it, by a security policy or because files come from another site without its leave (CORS)
 */

/** No engine could do it; `code` says why. */
export class EngineFailed extends Error {
  name = 'EngineFailed';
  /** @param {FailureCode} code @param {string} message @param {unknown} [cause] the error behind it */
  constructor(code, message, cause) {
    super(message, { cause });
    this.code = code;
  }
}

/** What kind of failure an error of an engine is. @param {unknown} error @returns {FailureCode} */
export function codeOf(error) {
  if (error instanceof EngineFailed) return error.code;
  // Browsers and wasm tell these apart by their words only.
  const { name = '', message = String(error) } = /** @type {Partial<Error>} */ (error ?? {});
  if (/content.security.policy|unsafe-eval/i.test(message)) return 'blocked';
  if (/memory|\balloc|buffer size|no canvas of that size/i.test(message)) return 'memory';
  return /^(Compile|Link)Error$/.test(name) ? 'unsupported' : 'crashed';
}
