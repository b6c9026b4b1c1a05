// A style is dragged from the gallery onto the picture.

/**
 * @param {HTMLElement} gallery
 * @param {HTMLElement} stage
 * @param {(id: string) => void} use
 */
export function onDragStyle(gallery, stage, use) {
  /** @type {string | undefined} the style that is being dragged */
  let dragged;
  const mark = (/** @type {boolean} */ on) => stage.classList.toggle('target', on);
  gallery.addEventListener('dragstart', (event) => {
    const pick = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest('.pick'));
    if (!pick || !event.dataTransfer) return;
    dragged = pick.dataset.style;
    event.dataTransfer.effectAllowed = 'copy';
    event.dataTransfer.setData('text/plain', pick.ariaLabel ?? ''); // without any, Firefox drags nothing
  });
  gallery.addEventListener('dragend', () => {
    dragged = undefined;
    mark(false);
  });
  for (const type of /** @type {const} */ (['dragover', 'drop'])) {
    stage.addEventListener(type, (event) => {
      if (!dragged || !event.dataTransfer) return;
      event.preventDefault();
      event.stopPropagation(); // the page takes nothing but files
      event.dataTransfer.dropEffect = 'copy';
      mark(type === 'dragover');
      if (type === 'drop') use(dragged);
    });
  }
  stage.addEventListener('dragleave', (event) => {
    if (!stage.contains(/** @type {Node | null} */ (event.relatedTarget))) mark(false);
  });
}
