// Where a film lies while it is written: in the browser's own file system, where there is one, so that it takes no memory.

const FOLDER = 'impasto-films';

/** A window holds the lock of the films that it wrote. @param {string} name */
const lockOf = (name) => `${FOLDER} ${name}`;

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
