// What build.sh writes into build.js beside the other modules.

/** Differs between any two builds whose files differ. */
export const version: string;
/** SHA-256 of models/impasto.safetensors, in hexadecimal digits. */
export const weightsHash: string;
/** SHA-256 of models/vgg19-relu4_1.safetensors, in hexadecimal digits. */
export const refinerHash: string;
/** The painting of the self-test by the CPU engine: RGBA, in base64. */
export const knownPainting: string;
