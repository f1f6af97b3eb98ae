// A file for a form: dropped, chosen, or pasted as text. Its bytes stay in the page until they are sent.
import { h, icon, newId, replace } from './dom.js';
import { number, t } from './i18n.js';
import { area } from './fields.js';
import { button } from './ui.js';

const bytesMax = 1 << 18; // the store takes no larger secret

function base64(bytes) {
  let text = '';
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

/// A control for fields.js. `onfile(name)` hears of a file. Its `.content()` is Base64, '' if there is nothing.
export function dropFile({ onfile = () => {} } = {}) {
  let bytes = null;
  const said = h('span', { class: 'said', 'aria-live': 'polite' }, t('file.drop'));
  const pasted = area({ 'aria-label': t('file.paste'), placeholder: '-----BEGIN PRIVATE KEY-----', hidden: true, class: 'code' });

  async function read(file) {
    if (!file) return;
    if (file.size > bytesMax) {
      bytes = null;
      replace(said, t('file.large', { name: file.name, n: number(bytesMax) }));
      return;
    }
    bytes = new Uint8Array(await file.arrayBuffer());
    pasted.value = '';
    pasted.hidden = true;
    replace(said, icon('file'), h('strong', {}, file.name), ` ${t('bytes', { n: number(file.size) })}`);
    onfile(file.name);
  }

  const input = h('input', { type: 'file', class: 'unseen', id: newId('file'), onchange: () => read(input.files[0]) });
  const paste = button(t('file.paste'), () => {
    pasted.hidden = !pasted.hidden;
    if (!pasted.hidden) pasted.focus();
  }, { kind: 'small', symbol: 'copy' });
  const choose = button(t('file.choose'), () => input.click(), { kind: 'small', symbol: 'file' });
  const zone = h('div', { class: 'drop' }, input, said, h('div', { class: 'buttons' }, choose, paste), pasted);
  zone.addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.classList.add('over');
  });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', (event) => {
    event.preventDefault();
    zone.classList.remove('over');
    read(event.dataTransfer.files[0]);
  });
  zone.content = () => {
    if (!pasted.hidden && pasted.value.trim()) return base64(new TextEncoder().encode(pasted.value));
    return bytes ? base64(bytes) : '';
  };
  return zone;
}
