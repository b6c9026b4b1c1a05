import { Stylizer } from 'impasto-stylizer';

const $ = (id) => document.getElementById(id);
const say = (text) => { $('words').textContent = text; };

/** Begins to load while the visitor still chooses. */
const loading = Stylizer.load();
loading.then(({ engine }) => say(`Ready: ${engine.name}`), (error) => say(error.message));

// Pictures are encoded once; after that a change costs the painting only.
let photo;
let style;

async function paint() {
  if (!photo || !style) return;
  try {
    const stylizer = await loading;
    const options = { strength: $('strength').valueAsNumber, canvas: $('painting'), replace: 'painting' };
    const { width, height } = await stylizer.stylize(await photo, [{ style: await style }], options);
    say(`Painted: ${width} × ${height}`);
  } catch (error) {
    if (error.name !== 'AbortError') say(error.message); // which a newer request has made pointless
  }
}

$('photo').onchange = () => {
  const [file] = $('photo').files;
  photo = loading.then((stylizer) => stylizer.encodePhoto(file, { size: 512 }));
  paint();
};
$('style').onchange = () => {
  const [file] = $('style').files;
  style = loading.then((stylizer) => stylizer.encodeStyle(file));
  paint();
};
$('strength').oninput = paint;
