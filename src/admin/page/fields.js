// Form fields and forms: labels, hints and mistakes are bound to their inputs, and a mistake that the server names is
// shown where it is.
import { h, icon, newId, replace } from './dom.js';
import { t } from './i18n.js';
import { mistakeText } from './mistakes.js';
import { during, problem } from './ui.js';

/// A labelled control. `name` is the member of the API's body, so that a mistake finds it.
export function field(name, label, control, { hint, code } = {}) {
  const id = newId('field');
  const input = control.matches('input, select, textarea') ? control : control.querySelector('input, select, textarea');
  input.id = id;
  input.name = name;
  const described = [];
  const hintText = hint && h('span', { class: 'hint', id: `${id}-hint` }, hint);
  if (hint) described.push(`${id}-hint`);
  const mistake = h('span', { class: 'mistake', id: `${id}-mistake`, hidden: true });
  described.push(`${id}-mistake`);
  input.setAttribute('aria-describedby', described.join(' '));
  const row = h('div', { class: 'field', 'data-path': name },
    h('label', { class: 'label', for: id }, label, input.required && h('span', { class: 'must', 'aria-hidden': 'true' }, ' *'),
      code && h('code', {}, code)),
    control, mistake, hintText);
  row.input = input;
  row.show = (message) => {
    mistake.hidden = !message;
    replace(mistake, message && [icon('warn'), message]);
    if (message) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  };
  return row;
}

export const text = (attributes = {}) => h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', ...attributes });
export const secret = (attributes = {}) => text({ type: 'password', autocomplete: 'new-password', ...attributes });
export const area = (attributes = {}) => h('textarea', { rows: 3, spellcheck: 'false', ...attributes });
export const integer = (attributes = {}) => h('input', { type: 'number', inputmode: 'numeric', step: 1, ...attributes });
/// choices: [[value, label]].
export const choice = (choices, attributes = {}) =>
  h('select', attributes, choices.map(([value, label]) => h('option', { value }, label)));

export function check(name, label, checked = false) {
  const input = h('input', { type: 'checkbox', name, checked });
  const row = h('label', { class: 'check' }, input, h('span', {}, label));
  row.input = input;
  return row;
}

const rowsOf = (form) => [...form.querySelectorAll('[data-path]')];

function clear(form) {
  for (const row of rowsOf(form)) row.show('');
}

/// At the field that the mistake is of; else above the form. Either way the focus goes there.
export function showMistake(form, where, error) {
  const path = (error.path ?? '').replace(/^query\./, '');
  const row = path && rowsOf(form).find((each) => each.dataset.path === path || path.startsWith(`${each.dataset.path}.`));
  if (!row) {
    replace(where, problem(error));
    where.firstElementChild.scrollIntoView({ block: 'nearest' });
    return;
  }
  const folded = row.closest('details');
  if (folded) folded.open = true;
  row.show(mistakeText(error));
  row.input.focus();
}

/// A form whose fields are `rows`; onsubmit gets the button that was used. What it throws is shown at its field.
export function form(rows, buttons, onsubmit, attributes = {}) {
  const where = h('div', { class: 'mistakes' });
  const element = h('form', { novalidate: true, ...attributes }, where, rows, h('div', { class: 'buttons' }, buttons));
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    clear(element);
    const missing = rowsOf(element).find(({ input }) => input.required && !input.value && input.type !== 'file');
    if (missing) {
      replace(where);
      missing.show(t('field.required'));
      missing.input.focus();
      return;
    }
    during(element, where, async () => {
      try {
        await onsubmit(event.submitter);
      } catch (error) {
        if (error.code === undefined) throw error;
        element.refused = error;
      }
    }).then(() => {
      if (element.refused) showMistake(element, where, element.refused);
      delete element.refused;
    });
  });
  return element;
}
