// One user of the companion: profile, logins, groups; kicked or silenced by the IM server.
import { get, pathOf, post, put, withQuery } from '../api.js';
import { h, replace } from '../dom.js';
import { number, t, tOr } from '../i18n.js';
import { choice, field, form } from '../fields.js';
import { groupLink, momentOrNone, until, userLink } from '../im_parts.js';
import { go, link } from '../router.js';
import { isReader, may, rememberApp } from '../session.js';
import { button, confirmed, empty, facts, linkButton, moment, note, pill, problem, section, table, toast } from '../ui.js';

const spans = { '1h': 3600e3, '1d': 86400e3, '7d': 7 * 86400e3, '30d': 30 * 86400e3 };
const forGoodMs = 253402300799000;

function devicesOf({ devices }) {
  const columns = [
    { label: t('device'), cell: (each) => [each.device_id, ' ', each.last_login && pill('quiet', t('im.last_login'))] },
    { label: t('platform'), cell: (each) => tOr(`platform.${each.platform}`, each.platform) },
    { label: t('state'), cell: (each) => pill(each.state === 'logged_in' ? 'good' : 'quiet', tOr(`im.state.${each.state}`, each.state)) },
    { label: t('im.app'), cell: (each) => each.state === 'logged_in' && t(each.foreground ? 'device.foreground' : 'device.background') },
    { label: t('token'), cell: (each) => (each.has_token ? momentOrNone(each.token_at) : t('no')) },
    { label: t('language'), cell: (each) => each.language }, { label: t('push.badge'), cell: (each) => each.badge, class: 'number' },
  ];
  return devices.length === 0 ? empty(t('im.devices.none')) : table(t('devices'), columns, devices);
}

function groupsOf({ app_id: app, groups, more_groups: more }) {
  const columns = [
    { label: t('im.group'), cell: (each) => groupLink(app, each.group_id) }, { label: t('im.group.name'), cell: (each) => each.name },
    { label: t('im.type'), cell: (each) => each.type }, { label: t('role'), cell: (each) => t(`im.role.${each.role}`) },
    { label: t('im.joined'), cell: (each) => moment(each.joined_at) },
  ];
  return [groups.length === 0 ? empty(t('im.groups.none')) : table(t('im.groups'), columns, groups), more && note('warn', t('im.groups.more'))];
}

/// When may he speak again, by what was chosen; undefined: as it is.
const chosen = (value) => (value === 'never' ? forGoodMs : value === 'now' ? 0 : value in spans ? Date.now() + spans[value] : undefined);

function silenceForm(path, again) {
  const choices = ['', 'now', ...Object.keys(spans), 'never'].map((each) => [each, t(each === '' ? 'im.silence.stays' : `im.silence.${each}`)]);
  const rows = ['chats', 'groups'].map((each) => field(`${each}_until`, t(`im.silence.${each}`), choice(choices)));
  return form([h('div', { class: 'pair' }, rows)], [button(t('im.silence'), undefined, { type: 'submit' })], async () => {
    const body = Object.fromEntries(rows.map(({ input }) => [input.name, chosen(input.value)]).filter(([, value]) => value !== undefined));
    if (Object.keys(body).length === 0) return toast(t('nothing.changed'));
    await put(path('silence'), body);
    toast(t('saved'));
    return again();
  });
}

/// With whom he has conversations is private, too: it is loaded when a reader asks for it, and recorded.
function chatsOf({ app_id: app, user_id: user }, path) {
  const where = h('div', { 'aria-live': 'polite' });
  const columns = [
    { label: t('im.peer'), cell: (each) => userLink(app, each.peer) }, { label: t('im.last'), cell: (each) => momentOrNone(each.last_at) },
    { label: t('im.messages'), cell: (each) => number(each.messages), class: 'number' }, { label: t('im.unread'), cell: (each) => number(each.unread), class: 'number' },
    { label: t('actions'), hidden: true, cell: (each) => h('a', { class: 'button small', href: link(['im', 'history'], { app, user, peer: each.peer }) }, t('im.read')) },
  ];
  const show = button(t('im.chats.show'), async () => {
    try {
      const { items, more } = await get(path('chats'));
      replace(where, items.length === 0 ? empty(t('im.chats.none')) : table(t('im.chats'), columns, items), more && note('warn', t('im.chats.more')));
    } catch (error) {
      replace(where, problem(error));
    }
  });
  return [h('p', { class: 'quiet' }, t('im.audited')), h('div', { class: 'buttons' }, show), where];
}

export default async function view({ app, user: id }) {
  const path = (...tail) => withQuery(pathOf('v1', 'im', 'user', ...tail), { app, user: id });
  const user = await get(path());
  rememberApp(app);
  const again = () => go(['im', 'users', app, id]);
  const where = h('div', { class: 'mistakes' });
  async function kick() {
    if (!await confirmed(t('im.kick.title', { user: id }), t('im.kick.text'), t('im.kick'), { danger: true })) return;
    try {
      await post(path('kick'));
      toast(t('im.kicked', { user: id }));
      again();
    } catch (error) {
      replace(where, problem(error));
    }
  }
  const changes = may('operator') && !user.removed;
  return {
    title: id,
    actions: [linkButton(t('im.push'), link(['users', app, id])), changes && button(t('im.kick'), kick, { kind: 'danger' })],
    body: [
      user.removed && note('warn', t('im.removed.text')), where,
      section(t('im.profile'), facts([
        [t('app'), user.app_id], [t('im.nick'), user.nick], [t('im.face'), user.face], [t('im.created'), moment(user.created_at)], [t('im.unread'), number(user.unread)],
        [t('im.friends'), number(user.friends)], [t('im.blacklisted'), number(user.blacklisted)], [t('im.silent.chats'), until(user.silent_in_chats_until)],
        [t('im.silent.groups'), until(user.silent_in_groups_until)], [t('im.kicked_at'), user.signatures_from !== null && moment(user.signatures_from)],
        ...user.fields.map((each) => [each.tag, typeof each.value === 'string' ? each.value : JSON.stringify(each.value)]),
      ])),
      section(t('devices'), devicesOf(user)),
      section(t('im.groups'), groupsOf(user)),
      changes && section(t('im.silence'), h('p', { class: 'quiet' }, t('im.silence.text')), silenceForm(path, again)),
      isReader() && section(t('im.chats'), chatsOf(user, path)),
    ],
  };
}
