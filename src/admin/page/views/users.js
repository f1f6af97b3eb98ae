// Finding a user, or the device of a token.
import { get } from '../api.js';
import { appField } from '../app_field.js';
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { field, form, text } from '../fields.js';
import { go, link } from '../router.js';
import { may, rememberApp } from '../session.js';
import { button, empty, linkButton, note, section } from '../ui.js';
import { deviceTable } from '../device_table.js';

async function found(token, app) {
  const { items, more } = await get('/v1/devices', { token, app });
  return section(t('devices'), items.length === 0 ? empty(t('devices.none')) : deviceTable(items, { withUser: true }), more && note('warn', t('more.there')));
}

export default async function view({ token = '', app = '' }) {
  const of = appField();
  const user = field('user', t('user'), text({ required: true, autofocus: token === '' }));
  const byUser = form([h('div', { class: 'pair' }, of, user)], [button(t('find'), undefined, { kind: 'primary', type: 'submit', symbol: 'search' })], async () => {
    rememberApp(of.input.value);
    go(['users', of.input.value, user.input.value]);
  });
  const start = field('token', t('token.start'), text({ required: true, minlength: 6, value: token }), { hint: t('token.start.hint') });
  const byToken = form([start], [button(t('find'), undefined, { type: 'submit', symbol: 'search' })], async () => go(['users'], { token: start.input.value.trim() }));
  return {
    title: t('nav.users'), actions: [may('operator') && linkButton(t('files'), link(['users', 'files']), { symbol: 'list' })],
    body: [h('div', { class: 'halves' }, section(t('users.by_user'), byUser), section(t('users.by_token'), byToken)), token && await found(token, app)],
  };
}
