// Keyboard shortcuts: single keys and pairs, never while something is typed.
import { h } from './dom.js';
import { t } from './i18n.js';
import { go } from './router.js';
import { me } from './session.js';
import { button, openDialog } from './ui.js';

const places = { o: 'overview', c: 'certificates', s: 'send', u: 'users', i: 'im', t: 'trace', l: 'letters', v: 'live', w: 'workers', k: 'tokens', a: 'audit' };

const typing = (target) => target.matches('input, select, textarea, [contenteditable]') || document.querySelector('dialog[open]');

export function showKeys() {
  const rows = [...Object.entries(places).map(([key, place]) => [['g', key], t(`nav.${place}`)]),
    [['n'], t('keys.new')], [['/'], t('keys.find')], [['?'], t('keys')]];
  return openDialog(t('keys'), (close) => [
    h('dl', { class: 'facts keys' }, rows.map(([keys, text]) => [h('dt', {}, keys.map((each) => h('kbd', {}, each))), h('dd', {}, text)])),
    h('div', { class: 'buttons end' }, button(t('close'), () => close(), { autofocus: true })),
  ]);
}

export function listenForKeys() {
  let before = '';
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const pair = before === 'g';
    before = event.key;
    if (event.key === '?') {
      showKeys();
    } else if (me && pair && places[event.key]) {
      go([places[event.key]]);
    } else if (me && event.key === 'n') {
      go(['certificates', 'add']);
    } else if (event.key === '/') {
      const input = document.querySelector('main input:not([type=checkbox])');
      if (!input) return;
      input.focus();
    } else {
      return;
    }
    event.preventDefault();
  });
}
