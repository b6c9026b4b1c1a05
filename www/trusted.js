// Addresses of scripts, on pages that demand Trusted Types of them.

/** @type {{ createScriptURL: (url: string) => string } | undefined} */
let policy;
try {
  // Only our own modules reach it, with addresses that they made themselves.
  policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('impasto', { createScriptURL: (/** @type {string} */ url) => url });
} catch {
  // The page allows no policy of this name. Where it demands one, what starts then says so.
}

/** @param {string | URL} url @returns {string} what the browser takes for the address of a script */
export const scriptUrl = (url) => (policy ? policy.createScriptURL(String(url)) : String(url));
