// One user: settings, devices, mutes, and what became of their latest pushes.
import { get, patch, put, remove } from '../api.js';
import { h, replace } from '../dom.js';
import { loadTexts, t } from '../i18n.js';
import { check, choice, field, form, text } from '../fields.js';
import { go, link } from '../router.js';
import { may, rememberApp } from '../session.js';
import { button, confirmed, empty, facts, linkButton, moment, pill, problem, section, table, toast } from '../ui.js';
import { deviceTable } from '../device_table.js';
import { latestTable } from '../latest_table.js';
import { decisionSection } from '../decision.js';

function settingsForm(user, query, again) {
  const push = check('push', t('user.push'), user.push);
  const badge = check('badge', t('user.badge'), user.badge);
  const rows = ['language', 'sound_c2c', 'sound_group'].map((name) => field(name, t(`user.${name}`), text({ value: user[name] })));
  return form([h('div', { class: 'pair' }, push, badge), h('div', { class: 'thirds' }, rows)], [button(t('save'), undefined, { kind: 'primary', type: 'submit' })], async () => {
    const body = Object.fromEntries(rows.filter(({ input }) => input.value !== user[input.name]).map(({ input }) => [input.name, input.value]));
    for (const { input } of [push, badge]) if (input.checked !== user[input.name]) body[input.name] = input.checked;
    if (Object.keys(body).length === 0) return toast(t('nothing.changed'));
    await patch(`/v1/users?${new URLSearchParams(query)}`, body);
    toast(t('saved'));
    return again();
  });
}

const settingsShown = (user) => facts([[t('user.push'), t(user.push ? 'yes' : 'no')], [t('user.badge'), t(user.badge ? 'yes' : 'no')],
  ...['language', 'sound_c2c', 'sound_group'].map((name) => [t(`user.${name}`), user[name]])]);

function mutes(user, query, again, where) {
  const unmute = async ({ kind, target }) => {
    if (!await confirmed(t('unmute.title'), t('unmute.text'), t('unmute'))) return;
    try {
      await remove('/v1/users/mutes', { ...query, kind, target });
      toast(t('saved'));
      again();
    } catch (error) {
      replace(where, problem(error));
    }
  };
  const columns = [
    { label: t('mute.kind'), cell: (each) => t(`mute.${each.kind}`) }, { label: t('mute.target'), cell: (each) => each.target },
    { label: t('mute.until'), cell: (each) => (each.until === null ? t('mute.forever') : [moment(each.until), each.over && [' ', pill('quiet', t('over'))]]) },
    { label: t('mute.mentions'), cell: (each) => (each.unless_mentioned ? t('yes') : t('no')) },
    may('operator') && { label: t('actions'), hidden: true, cell: (each) => button(t('unmute'), () => unmute(each), { kind: 'small' }) },
  ].filter(Boolean);
  return user.mutes.length === 0 ? empty(t('mutes.none')) : table(t('mutes'), columns, user.mutes);
}

function muteForm(query, again) {
  const kind = field('kind', t('mute.kind'), choice(['peer', 'group', 'all'].map((each) => [each, t(`mute.${each}`)])));
  const target = field('target', t('mute.target'), text());
  const until = field('until', t('mute.until'), h('input', { type: 'datetime-local' }), { hint: t('mute.until.hint') });
  const mentions = check('unless_mentioned', t('mute.mentions'));
  return h('details', { class: 'more' }, h('summary', {}, t('mute.add')), form([h('div', { class: 'thirds' }, kind, target, until), mentions], [button(t('mute.add'), undefined, { type: 'submit' })], async () => {
    const body = { kind: kind.input.value, until: until.input.value ? new Date(until.input.value).getTime() : null, unless_mentioned: mentions.input.checked };
    if (target.input.value !== '') body.target = target.input.value; // of everything there is none
    await put(`/v1/users/mutes?${new URLSearchParams(query)}`, body);
    toast(t('saved'));
    again();
  }));
}

async function latest(query, where) {
  try {
    const { items } = await get('/v1/trace/users', query);
    replace(where, items.length === 0 ? empty(t('trace.none')) : latestTable(items));
  } catch (error) {
    replace(where, problem(error));
  }
}

export default async function view({ app, user: id }) {
  const query = { app, user: id };
  const [user] = await Promise.all([get('/v1/users', query), loadTexts('decision')]);
  rememberApp(app);
  const again = () => go(['users', app, id]);
  const where = h('div', { class: 'mistakes' });
  const pushes = h('div', { 'aria-live': 'polite' });
  latest(query, pushes);
  return {
    title: id,
    actions: [linkButton(t('trace.user'), link(['trace'], query)), may('sender') && linkButton(t('nav.send'), link(['send'], query), { kind: 'primary', symbol: 'send' })],
    body: [
      h('p', { class: 'quiet' }, `${t('app')} ${app}`), where,
      section(t('devices'), user.devices.length === 0 ? empty(t('user.no_device')) : deviceTable(user.devices, { onchange: again, onmistake: (error) => replace(where, problem(error)) })),
      section(t('settings'), may('operator') ? settingsForm(user, query, again) : settingsShown(user)),
      section(t('mutes'), mutes(user, query, again, where), may('operator') && muteForm(query, again)),
      section(t('user.latest'), pushes),
      decisionSection(query),
    ],
  };
}
