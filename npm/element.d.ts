
// Appended by build.sh: what HTML and events know of the element.
export interface PhotoStylizerEventMap extends HTMLElementEventMap {
  painted: CustomEvent<ImageData>;
  refined: CustomEvent<ImageData>;
  failed: CustomEvent<Error>;
}
export interface PhotoStylizer {
  addEventListener<K extends keyof PhotoStylizerEventMap>(
    type: K, listener: (this: PhotoStylizer, event: PhotoStylizerEventMap[K]) => unknown, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof PhotoStylizerEventMap>(
    type: K, listener: (this: PhotoStylizer, event: PhotoStylizerEventMap[K]) => unknown, options?: boolean | EventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}
declare global {
  interface HTMLElementTagNameMap { 'photo-stylizer': PhotoStylizer }
}
