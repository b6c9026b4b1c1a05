// Sizes of paintings, by their long side.

import { LARGEST } from '../stylizer.js';

/** What one can choose from. */
export const SIZES = [512, 768, 1024, 1536, 2048, 3072, 4096, LARGEST];
/** What an engine does in a few seconds. */
export const USUAL_SIZE = { webgpu: 1280, cpu: 768 };
/** Million pixels above which an engine may run out of memory. */
export const SAFE = { webgpu: 6, cpu: 7.5 };

/** The same for the frames of a film, of which there are many. */
export const USUAL_FILM_SIZE = { webgpu: 512, cpu: 256 };
