'use client';

// On the server this is a module without an engine: the element comes to life in the browser.
import 'impasto-stylizer/photo-stylizer';
import { useRef } from 'react';

export default function Painting() {
  const painting = useRef(null);
  return (
    <main>
      <p>
        <label>Photo <input id="photo" type="file" accept="image/*" onChange={({ target }) => { painting.current.photo = target.files[0]; }} /></label>
      </p>
      <p>
        <label>Style <input id="style" type="file" accept="image/*" onChange={({ target }) => { painting.current.layers = [{ picture: target.files[0] }]; }} /></label>
      </p>
      <photo-stylizer ref={painting} alt="The painting" size="512" />
    </main>
  );
}
