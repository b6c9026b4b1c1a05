import { Stylizer } from 'impasto-stylizer';

const $ = (id) => document.getElementById(id);

// build.js has copied the package's folders there.
const loading = Stylizer.load({
  baseUrl: new URL('impasto/', document.baseURI),
  onProgress: ({ part }) => { if (part < 1) $('words').textContent = `Loading: ${Math.round(100 * part)} %`; },
});

async function paint() {
  const [photo] = $('photo').files;
  const [picture] = $('style').files;
  if (!photo || !picture) return;
  try {
    const stylizer = await loading;
    const style = await stylizer.encodeStyle(picture);
    const strength = $('strength').valueAsNumber;
    const { width, height } = await stylizer.stylize(photo, [{ style }], { strength, size: 512, canvas: $('painting'), replace: 'painting' });
    style.dispose();
    $('words').textContent = `Painted: ${width} × ${height}`;
  } catch (error) {
    if (error.name !== 'AbortError') $('words').textContent = error.message;
  }
}

for (const id of ['photo', 'style', 'strength']) $(id).onchange = paint;
