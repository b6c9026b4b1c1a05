import 'impasto-stylizer/photo-stylizer';

const painting = document.querySelector('photo-stylizer')!;

function chosen(id: string, use: (file: File) => void): void {
  const input = document.querySelector<HTMLInputElement>(`#${id}`)!;
  input.addEventListener('change', () => { if (input.files?.[0]) use(input.files[0]); });
}

chosen('photo', (file) => { painting.photo = file; });
chosen('style', (file) => { painting.layers = [{ picture: file }]; });
painting.addEventListener('failed', ({ detail }) => console.error(detail));
