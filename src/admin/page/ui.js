// Parts that views are made of.
import { h, icon, newId, replace } from './dom.js';
import { dateTime, has, relative, t, tOr } from './i18n.js';
import { mistakeText } from './mistakes.js';

export const pill = (kind, text) => h('span', { class: `pill ${kind}` }, text);

const stateKinds = {
  accepted: 'good', delivered: 'good', clicked: 'good', active: 'good', done: 'good',
  retrying: 'warn', waiting: 'warn', expired: 'warn', suppressed: 'quiet', token_removed: 'warn', open: 'warn',
  rejected: 'bad', dead: 'bad', revoked: 'quiet', disabled: 'quiet', replayed: 'quiet', dropped: 'quiet',
};
/// How something ended or stands, by the server's word for it.
export const statePill = (state) => pill(stateKinds[state] ?? 'quiet', tOr(`state.${state}`, state));

export const vendorName = (vendor) => tOr(`vendor.${vendor}`, vendor);

/// A moment: exact, with how long ago it was in its title.
export const moment = (ms) => h('time', { datetime: new Date(ms).toISOString(), title: `${relative(ms)} · ${new Date(ms).toISOString()}` }, dateTime(ms));

export const note = (kind, ...content) =>
  h('div', { class: `note ${kind}` }, icon(kind === 'good' ? 'check' : 'warn'), h('div', {}, content));

/// What went wrong, in words under a heading in the page's language.
export function problem(error) {
  if (error.code === undefined) throw error; // a bug of the page, which is to be seen
  const heading = has(`error.${error.code}`) ? t(`error.${error.code}`) : t('error.other', { code: error.code });
  const element = note('bad', h('strong', {}, heading), error.message !== error.code && h('p', {}, mistakeText(error)));
  element.setAttribute('role', 'alert');
  return element;
}

export const empty = (text, ...more) => h('div', { class: 'empty' }, h('p', {}, text), more);

/// columns: [{label, cell(row), class}]. The whole table scrolls by itself, by keyboard too.
export function table(caption, columns, rows) {
  const head = h('tr', {}, columns.map((each) => h('th', { scope: 'col', class: each.class },
    each.hidden ? h('span', { class: 'unseen' }, each.label) : each.label)));
  const body = rows.map((row) => h('tr', {}, columns.map((each) => h('td', { class: each.class }, each.cell(row)))));
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption },
    h('table', {}, h('caption', { class: 'unseen' }, caption), h('thead', {}, head), h('tbody', {}, body)));
}

/// A <dl> of [label, value]; values that are empty are left out.
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false);
  return h('dl', { class: 'facts' }, given.map(([label, value]) => [h('dt', {}, label), h('dd', {}, value)]));
}

/// A number that is to be seen at once, with what is to be known beside it.
export const figure = (label, value, kind, more) => h('div', { class: `figure ${kind}` }, h('span', { class: 'label' }, label), h('strong', {}, value), h('span', { class: 'quiet' }, more));

export const section = (title, ...content) => h('section', { class: 'card' }, title && h('h2', {}, title), content);

export function button(text, onclick, { kind = '', symbol, ...others } = {}) {
  return h('button', { type: 'button', class: `button ${kind}`, onclick, ...others }, symbol && icon(symbol), text);
}

export const linkButton = (text, href, { kind = '', symbol } = {}) =>
  h('a', { class: `button ${kind}`, href }, symbol && icon(symbol), text);

/// Text to take along: a code and a button that copies it.
export function copyable(text) {
  const code = h('code', {}, text);
  const copy = button(t('copy'), async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(t('copied'));
    } catch { // no permission, or no TLS: the reader copies it by hand
      getSelection().selectAllChildren(code);
    }
  }, { kind: 'small', symbol: 'copy' });
  return h('span', { class: 'copyable' }, code, copy);
}

const toasts = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
export function mountToasts() { document.body.append(toasts); }
export function toast(text) {
  const each = h('div', { class: 'toast' }, icon('check'), text);
  toasts.append(each);
  setTimeout(() => each.remove(), 6000);
}

/// A dialog over the page; the browser keeps the focus in it and gives it back. `fill(close)` makes what is in it.
export function openDialog(title, fill) {
  return new Promise((resolve) => {
    const heading = newId('dialog');
    const dialog = h('dialog', { 'aria-labelledby': heading });
    const close = (result) => {
      dialog.returnValue = '';
      dialog.result = result;
      dialog.close();
    };
    dialog.append(h('div', { class: 'dialog' }, h('h2', { id: heading }, title), fill(close)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/// Asks before something is done: true if it is meant. `typed`: what is to be typed for that.
export function confirmed(title, text, action, { danger = false, typed } = {}) {
  return openDialog(title, (close) => {
    const yes = h('button', { class: `button ${danger ? 'danger' : 'primary'}`, disabled: Boolean(typed) }, action);
    const no = button(t('cancel'), () => close(false), { autofocus: !typed });
    const word = typed && h('input', { autofocus: true, autocomplete: 'off', spellcheck: 'false',
      oninput: (event) => { yes.disabled = event.target.value !== typed; } });
    const onsubmit = (event) => {
      event.preventDefault();
      close(true);
    };
    return h('form', { method: 'dialog', onsubmit }, typeof text === 'string' ? h('p', {}, text) : text,
      word && h('label', { class: 'field' }, h('span', { class: 'label' }, t('confirm.type', { word: typed })), word),
      h('div', { class: 'buttons end' }, no, yes));
  });
}

/// Runs `work` while the element says that it is busy; what it throws is shown in `where`.
export async function during(element, where, work) {
  element.setAttribute('aria-busy', 'true');
  const buttons = [element, ...element.querySelectorAll('button')].filter((each) => each.matches('button:not(:disabled)'));
  for (const each of buttons) each.disabled = true;
  replace(where);
  try {
    return await work();
  } catch (error) {
    replace(where, problem(error));
    return undefined;
  } finally {
    element.removeAttribute('aria-busy');
    for (const each of buttons) each.disabled = false;
  }
}
