// What the page says while it works: the only module with sentences in it.

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const device = { gpu: 'graphics processor', cpu: 'processor' };

/** Why WebGPU is not used, said so that a visitor can do something about it. */
const whyNoGpu = {
  'no-webgpu': 'this browser has no WebGPU. A current Chrome, Edge, Safari or Firefox would be faster',
  'no-adapter': 'this browser offers WebGPU but found no usable graphics processor. Its hardware acceleration may be switched off',
  'software-adapter': 'WebGPU is only emulated here, which is slower than the processor',
  'time-out': 'the graphics processor did not answer',
  crashed: 'the engine for the graphics processor stopped unexpectedly',
};

/** The same for an engine that has no other to fall back on. */
const whyNone = {
  ...whyNoGpu,
  'time-out': 'it did not answer',
  crashed: 'it stopped unexpectedly',
};

/** @param {import('./stylizer.js').Status} status */
export function engineWords(status) {
  const why = status.reason && (whyNoGpu[status.reason] ?? `WebGPU failed (${status.reason})`);
  switch (status.phase) {
    case 'ready':
      if (status.kind === 'gpu') return `Runs on the graphics processor: ${status.device}.`;
      return why ? `Runs on the processor, because ${why}.` : 'Runs on the processor.';
    case 'failed':
      return 'No engine is running.';
    default:
      return why ? `Starting on the processor, because ${why}…` : `Starting on the ${device[status.kind]}…`;
  }
}

export const words = {
  idle: 'Choose a photo to begin.',
  chooseStyle: 'Choose a style.',
  press: 'Press Stylize.',
  downloading: (loaded, total) =>
    total ? `Downloading ${megabytes(total)}…` : `Downloading: ${megabytes(loaded)}…`,
  starting: 'Starting the engine…',
  painting: 'Painting…',
  painted: (width, height, seconds) => `Painted ${width} × ${height} in ${seconds.toFixed(1)} s.`,
  stopped: 'Stopped.',
  restarted: 'The engine stopped and was started again.',
  movedToCpu: 'The graphics processor failed; continuing on the processor.',

  seconds: (value) => `${value.toFixed(1)} s`,
  stylize: 'Stylize',
  stop: 'Stop',
  showPhoto: 'Show photo',
  showPainting: 'Show painting',
  ownStyle: (name) => `Your picture ${name}`,

  noEngine: (reason) =>
    `The engine could not start: ${whyNone[reason] ?? reason}. Check the connection and reload the page; if that does not help, try another browser.`,
  engineFailed: 'The engine stopped while it painted, most likely for want of memory. It was started again: try a smaller size.',
  noStyles: 'The bundled styles could not be loaded. Your own pictures still work as styles.',
  styleGone: (title) => `The style “${title}” could not be loaded. Check the connection, or take another style.`,
  badFile: {
    empty: (name) => `“${name}” is empty. Choose another file.`,
    'no-picture': (name) => `“${name}” is not a picture. JPEG, PNG and WebP always work.`,
    huge: (name) => `“${name}” is too large to open here. Make it smaller first: up to 100 megapixels and 200 MB work.`,
    unreadable: (name) => `“${name}” cannot be read as a picture by this browser; the file may be damaged. JPEG, PNG and WebP always work.`,
  },
};
