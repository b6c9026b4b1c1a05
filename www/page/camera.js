// A photo from the device's camera.

import { button, dialog, $ } from './dom.js';
import { words } from './words.js';

/** Switches cameras and microphones off. @param {MediaStream | undefined} stream */
export function stopTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Why there is no camera. @param {unknown} error */
export function reasonOf(error) {
  const name = error instanceof DOMException ? error.name : '';
  // The address is not https, so that the browser hides its cameras altogether.
  if (!navigator.mediaDevices) return 'cameraInsecure';
  if (name === 'NotAllowedError') return 'cameraRefused';
  return name === 'NotFoundError' ? 'cameraNone' : 'cameraBusy';
}

/** Whether there is another camera to turn to. */
export async function cameraIsTwo() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === 'videoinput').length > 1;
}

/**
 * Shows what the camera sees until a photo is taken or the dialog closed.
 * @param {{ mayLive?: boolean }} [options] whether one may have it painted live instead
 * @returns {Promise<File | 'live' | undefined>}
 */
export async function takePhoto({ mayLive = false } = {}) {
  const box = dialog('camera-dialog');
  const video = $('camera-video', HTMLVideoElement);
  const take = button('camera-take');
  const turn = button('camera-turn');
  const tell = $('camera-words');
  /** @type {MediaStream | undefined} */
  let stream;
  let facing = 'environment';
  /** @type {File | 'live' | undefined} */
  let taken;

  const stop = () => {
    stopTracks(stream);
    stream = undefined;
    video.srcObject = null;
    take.disabled = true;
  };
  const start = async () => {
    stop();
    tell.textContent = words('cameraStarting');
    try {
      const wanted = { facingMode: facing, width: { ideal: 2560 }, height: { ideal: 1920 } };
      const found = await navigator.mediaDevices.getUserMedia({ video: wanted });
      if (!box.open) return stopTracks(found);
      stream = found;
      video.srcObject = found;
      await video.play();
      take.disabled = false;
      tell.textContent = '';
      turn.hidden = !await cameraIsTwo();
    } catch (error) {
      tell.textContent = words(reasonOf(error));
    }
  };
  const snap = async () => {
    const still = document.createElement('canvas');
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    /** @type {CanvasRenderingContext2D} */ (still.getContext('2d')).drawImage(video, 0, 0);
    const blob = await new Promise((done) => { still.toBlob(done, 'image/jpeg', 0.95); });
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
    taken = new File([blob], `camera-${time}.jpg`, { type: 'image/jpeg' });
    box.close();
  };
  const other = () => {
    facing = facing === 'environment' ? 'user' : 'environment';
    start();
  };

  const paintLive = () => {
    taken = 'live';
    box.close();
  };

  const listening = new AbortController();
  take.addEventListener('click', snap, listening);
  turn.addEventListener('click', other, listening);
  button('camera-live').addEventListener('click', paintLive, listening);
  button('camera-live').hidden = !mayLive;
  box.showModal();
  start();
  await new Promise((done) => { box.addEventListener('close', done, { once: true }); });
  listening.abort();
  stop();
  return taken;
}
