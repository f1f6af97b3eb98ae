// A test push: what the phone shows, the exact request, and what the vendor said.
import { get, post } from '../api.js';
import { appField } from '../app_field.js';
import { h, replace } from '../dom.js';
import { t } from '../i18n.js';
import { area, check, choice, field, form, integer, text } from '../fields.js';
import { phone } from '../phone.js';
import { requestBlock, requestText } from '../request.js';
import { link } from '../router.js';
import { rememberApp } from '../session.js';
import { button, copyable, empty, facts, linkButton, note, pill, section, statePill, vendorName } from '../ui.js';
import { ruleText, todoText } from '../words.js';

function answer(item) {
  const { outcome, request } = item;
  const copy = request && copyable(requestText(request));
  copy?.querySelector('code').classList.add('unseen');
  return section('',
    h('div', { class: 'head' }, h('h2', {}, item.device_id || t('device.none')), outcome ? statePill(outcome.outcome) : pill('quiet', t('send.dry'))),
    outcome && h('p', { class: 'todo' }, todoText(outcome.rule, item.todo)),
    facts([
      [t('vendor'), item.vendor && vendorName(item.vendor)],
      [t('certificate'), item.certificate_id && h('a', { href: link(['certificates', item.certificate_id]) }, item.certificate_id)],
      [t('rule'), outcome && ruleText(outcome.rule)], [t('vendor.code'), outcome?.code && h('code', {}, outcome.code)],
      [t('reason'), outcome?.reason], [t('vendor.id'), outcome?.vendor_id && h('code', {}, outcome.vendor_id)],
      [t('latency'), outcome?.latency_ms !== undefined && `${outcome.latency_ms} ms`],
    ]),
    request && h('details', { class: 'more', open: !outcome }, h('summary', {}, t('send.request')), requestBlock(request, t('send.request')), copy));
}

function result({ items, trouble }) {
  return [trouble.map((each) => note('bad', each)), items.length === 0 ? empty(t('send.nobody')) : items.map(answer)];
}

export default async function view({ app, user = '', device = '' }) {
  const preview = phone();
  const to = appField(app, { name: 'app_id' });
  const who = field('user_id', t('user'), text({ required: true, value: user, autofocus: user === '' }));
  const which = field('device_id', t('device'), choice([['', t('devices.all')], ...(device ? [[device, device]] : [])], { value: device }));
  const title = field('title', t('push.title'), text({ value: '' }));
  const desc = field('desc', t('push.desc'), area({ rows: 2, value: t('send.example') }));
  const badge = field('badge', t('push.badge'), integer({ min: 0 }));
  const badgeOnly = check('badge_only', t('push.badge_only'));
  const subtitle = field('subtitle', t('push.subtitle'), text());
  const more = [
    subtitle, field('ext', t('push.ext'), area({ rows: 2, class: 'code' }), { hint: t('push.ext.hint') }), field('sound', t('push.sound'), text(), { hint: t('push.sound.hint') }),
    field('channel', t('push.channel'), text()), field('category', t('push.category'), text()),
    field('interruption_level', t('push.level'), choice([['', t('default')], ...['passive', 'active', 'time-sensitive', 'critical'].map((each) => [each, t(`level.${each}`)])])),
    field('priority', t('push.priority'), choice(['high', 'normal', 'low', 'lowest'].map((each) => [each, t(`priority.${each}`)]), { value: 'normal' })),
    field('image', t('push.image'), text({ inputmode: 'url' })), field('ttl_s', t('push.ttl'), integer({ min: 1 })), field('from', t('push.from'), text()),
  ];
  const rows = [title, desc, badge, ...more];

  async function findDevices() {
    if (!to.input.value || !who.input.value) return;
    try {
      const { items } = await get('/v1/devices', { app: to.input.value, user: who.input.value });
      const kept = which.input.value;
      replace(which.input, h('option', { value: '' }, t('devices.all')),
        items.map((each) => h('option', { value: each.device_id }, `${each.device_id} · ${each.platform}`)));
      which.input.value = items.some((each) => each.device_id === kept) ? kept : '';
    } catch (error) {
      if (error.code === undefined) throw error; // else: the push will say it
    }
  }
  for (const each of [to, who]) each.input.addEventListener('change', findDevices);
  findDevices();

  function body(dryRun) {
    const out = { app_id: Number(to.input.value), user_id: who.input.value, dry_run: dryRun };
    if (which.input.value) out.device_id = which.input.value;
    if (badgeOnly.input.checked) out.badge_only = true;
    for (const { input } of rows) {
      if (input.value !== '') out[input.name] = input.type === 'number' ? Number(input.value) : input.value;
    }
    return out;
  }

  const where = h('div', { class: 'results', 'aria-live': 'polite' });
  const asked = form([
    h('div', { class: 'pair' }, to, who), which, title, desc, h('div', { class: 'pair' }, badge, badgeOnly),
    h('details', { class: 'more' }, h('summary', {}, t('send.more')), h('div', { class: 'fields' }, more)),
  ], [
    button(t('send'), undefined, { kind: 'primary', type: 'submit', name: 'send', symbol: 'send' }),
    button(t('send.show'), undefined, { type: 'submit', name: 'show' }),
    user && linkButton(t('user.look'), link(['users', app, user])),
  ], async (submitter) => {
    replace(where);
    rememberApp(to.input.value);
    replace(where, result(await post('/v1/push', body(submitter?.name === 'show'))));
    where.scrollIntoView({ block: 'nearest' });
  });
  const draw = () => preview.show({ title: title.input.value, subtitle: subtitle.input.value, desc: desc.input.value, badge: badge.input.value, badgeOnly: badgeOnly.input.checked });
  asked.addEventListener('input', draw);
  draw();
  return {
    title: t('nav.send'),
    body: [h('p', { class: 'quiet' }, t('send.text')), h('div', { class: 'beside' }, section('', asked), preview), where],
  };
}
