// A photo from the device's camera.

import { button, dialog, $ } from './dom.js';
import { words } from './words.js';

/**
 * Shows what the camera sees until a photo is taken or the dialog closed.
 * @returns {Promise<File | undefined>}
 */
export async function takePhoto() {
  const box = dialog('camera-dialog');
  const video = $('camera-video', HTMLVideoElement);
  const take = button('camera-take');
  const turn = button('camera-turn');
  const tell = $('camera-words');
  /** @type {MediaStream | undefined} */
  let stream;
  let facing = 'environment';
  /** @type {File | undefined} */
  let file;

  const stop = () => {
    for (const track of stream?.getTracks() ?? []) track.stop();
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
      if (!box.open) {
        for (const track of found.getTracks()) track.stop();
        return;
      }
      stream = found;
      video.srcObject = found;
      await video.play();
      take.disabled = false;
      tell.textContent = '';
      const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === 'videoinput');
      turn.hidden = cameras.length < 2;
    } catch (error) {
      const name = error instanceof DOMException ? error.name : '';
      // The address is not https, so that the browser hides its cameras altogether.
      if (!navigator.mediaDevices) tell.textContent = words('cameraInsecure');
      else if (name === 'NotAllowedError') tell.textContent = words('cameraRefused');
      else if (name === 'NotFoundError') tell.textContent = words('cameraNone');
      else tell.textContent = words('cameraBusy');
    }
  };
  const snap = async () => {
    const still = document.createElement('canvas');
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    /** @type {CanvasRenderingContext2D} */ (still.getContext('2d')).drawImage(video, 0, 0);
    const blob = await new Promise((done) => { still.toBlob(done, 'image/jpeg', 0.95); });
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
    file = new File([blob], `camera-${time}.jpg`, { type: 'image/jpeg' });
    box.close();
  };
  const other = () => {
    facing = facing === 'environment' ? 'user' : 'environment';
    start();
  };

  const listening = new AbortController();
  take.addEventListener('click', snap, listening);
  turn.addEventListener('click', other, listening);
  box.showModal();
  start();
  await new Promise((done) => { box.addEventListener('close', done, { once: true }); });
  listening.abort();
  stop();
  return file;
}
