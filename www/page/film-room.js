// Where a film lies while it is written, so that it takes no memory: in a file of the visitor's, or in the browser's own file
// system, where there are such.

/** @typedef {import('./film-file.js').Container} Container */

const FOLDER = 'impasto-films';

/** A window holds the lock of the films that it wrote. @param {string} name */
const lockOf = (name) => `${FOLDER} ${name}`;

/** Whether visitors can choose a file for a film before it is there. */
export const canChooseFile = () => 'showSaveFilePicker' in window;

/**
 * Asks the visitor where a film goes, which browsers allow only while a click is fresh. A file of that name is emptied.
 * @param {string} name that is suggested
 * @param {Container} container
 * @returns {Promise<FileSystemFileHandle | undefined>} nothing where the visitor thinks better of it
 */
export async function chosenFile(name, container) {
  try {
    return await /** @type {any} */ (window).showSaveFilePicker({
      suggestedName: name, startIn: 'videos', excludeAcceptAllOption: true, types: [{ accept: { [`video/${container}`]: [`.${container}`] } }],
    });
  } catch (error) {
    if (/** @type {Error} */ (error).name === 'AbortError') return undefined;
    throw error;
  }
}

/** A file that was chosen, and that nothing came into. @param {FileSystemFileHandle} file */
export async function removeFile(file) {
  await /** @type {any} */ (file).remove?.().catch(() => {}); // at worst an empty one stays
}

/** A file for a film, that is there as long as this page. @returns {Promise<FileSystemFileHandle | undefined>} nothing where the browser has no such room */
export async function roomForFilm() {
  try {
    if (!navigator.locks || !('createWritable' in FileSystemFileHandle.prototype)) return undefined;
    const folder = await films(true);
    if (!folder) return undefined;
    await forgetOthers(folder);
    const name = Math.random().toString(36).slice(2);
    await new Promise((done) => {
      navigator.locks.request(lockOf(name), () => {
        done(undefined);
        return new Promise(() => {});
      });
    });
    return await folder.getFileHandle(name, { create: true });
  } catch {
    return undefined; // it is kept in memory
  }
}

/** @param {FileSystemFileHandle} file */
export async function leaveRoom(file) {
  const folder = await films(false).catch(() => undefined);
  await folder?.removeEntry(file.name).catch(() => {});
}

/** @param {boolean} create */
async function films(create) {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create });
}

/** What pages left that are gone. @param {FileSystemDirectoryHandle} folder */
async function forgetOthers(folder) {
  for await (const name of /** @type {any} */ (folder).keys()) {
    await navigator.locks.request(lockOf(name), { ifAvailable: true }, async (lock) => {
      if (lock) await folder.removeEntry(name).catch(() => {});
    });
  }
}
