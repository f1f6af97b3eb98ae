// What the views of the companion share.
import { appField } from './app_field.js';
import { h } from './dom.js';
import { t } from './i18n.js';
import { choice, field, form, text } from './fields.js';
import { go, link } from './router.js';
import { rememberApp } from './session.js';
import { button, moment } from './ui.js';

export const userLink = (app, user) => (user ? h('a', { href: link(['im', 'users', app, user]) }, user) : '');
export const groupLink = (app, group) => h('a', { href: link(['im', 'groups', app, group]) }, group);

const forGoodMs = 253402300799000;
/// A moment that may be past, far, or none.
export function until(ms) {
  if (ms === null || ms <= Date.now()) return t('no');
  return ms >= forGoodMs ? t('mute.forever') : moment(ms);
}

export const momentOrNone = (ms) => (ms === null ? '' : moment(ms));

/// Users or groups by how their id begins and what their name holds.
export function searchForm({ app, kind = 'users', prefix = '', name = '' }) {
  const of = appField(app);
  const what = field('kind', t('im.kind'), choice(['users', 'groups'].map((each) => [each, t(`im.${each}`)]), { value: kind }));
  const begins = field('prefix', t('im.prefix'), text({ value: prefix, autofocus: true }));
  const holds = field('name', t('im.name'), text({ value: name }), { hint: t('im.name.hint') });
  return form([h('div', { class: 'pair' }, of, what), h('div', { class: 'pair' }, begins, holds)], [button(t('find'), undefined, { kind: 'primary', type: 'submit', symbol: 'search' })], async () => {
    rememberApp(of.input.value);
    go(['im', what.input.value], { app: of.input.value, prefix: begins.input.value, name: holds.input.value });
  });
}
