// What a server gets of the package: the same names, so that pages which it renders may import them. Painting takes
// a browser. Without this, bundlers would put the engines and the weights into the server's code, too.

import { EngineFailed } from './failure.js';

export { EngineFailed };
export const LARGEST = 6144;
export class BadPicture extends Error {}
export class Replaced extends DOMException {}
export class PhotoHandle {}
export class StyleHandle {}
export class PhotoStylizer {}

export class Stylizer {
  /** @returns {Promise<Stylizer>} */
  static async load() {
    throw new EngineFailed('unsupported', 'the stylizer paints in browsers only: load it there (say, in useEffect or onMounted)');
  }
}
