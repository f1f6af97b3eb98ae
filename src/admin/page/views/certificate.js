// One credential: what is known of it, what is unwise about it, and what can be done with it.
import { get, pathOf, post, remove } from '../api.js';
import { h, replace } from '../dom.js';
import { t, tOr } from '../i18n.js';
import { go, link } from '../router.js';
import { may } from '../session.js';
import { button, confirmed, copyable, facts, linkButton, note, problem, section, statePill, toast, vendorName } from '../ui.js';
import { expiryPill, verificationNote } from '../certificate_parts.js';
import { heldNote } from '../held_note.js';
import { versionsTable } from '../versions_table.js';

function receipts(certificate, where) {
  if (!certificate.receipt_path) return null;
  const show = may('operator') && button(t('receipt.show'), async () => {
    try {
      const { receipt_key: key } = await get(pathOf('v1', 'certificates', certificate.id, 'receipt-key'));
      replace(where, copyable(key));
    } catch (error) {
      replace(where, problem(error));
    }
  }, { kind: 'small', symbol: 'key' });
  return section(t('receipts'), h('p', { class: 'quiet' }, t('receipts.text')), facts([
    [t('receipts.path'), copyable(certificate.receipt_path)],
    [t('field.receipt_key'), h('span', {}, show || t('sealed'), where)],
  ]));
}

export default async function view({ id }) {
  const certificate = await get(pathOf('v1', 'certificates', id));
  const again = () => go(['certificates', id]);
  // What these two cannot say is no reason to hide the rest.
  const [held, versions] = await Promise.all([get('/v1/removals/held', { app: certificate.app_id }), get(pathOf('v1', 'certificates', id, 'versions'))]
    .map((asked) => asked.then(({ items }) => ({ items }), (error) => ({ items: [], trouble: problem(error) }))));
  const where = h('div', { class: 'mistakes', 'aria-live': 'polite' });
  const act = (work) => async () => {
    try {
      await work();
    } catch (error) {
      replace(where, problem(error));
    }
  };
  const active = certificate.status === 'active';
  const toggle = act(async () => {
    if (active && !await confirmed(t('disable.title', { name: certificate.name }), t('disable.text'), t('disable'))) return;
    await post(pathOf('v1', 'certificates', id, active ? 'disable' : 'enable'));
    toast(t(active ? 'disabled.done' : 'enabled.done', { name: certificate.name }));
    again();
  });
  const verify = act(async () => {
    replace(where, h('p', { class: 'quiet' }, t('verify.asking')));
    replace(where, verificationNote(await post(pathOf('v1', 'certificates', id, 'verify'))));
  });
  const forget = act(async () => {
    const meant = await confirmed(t('remove.title', { name: certificate.name }), t('remove.text'), t('remove'), { danger: true, typed: certificate.name });
    if (!meant) return;
    await remove(pathOf('v1', 'certificates', id));
    toast(t('removed.done', { name: certificate.name }));
    go(['certificates']);
  });
  const known = ['kind', 'key_id', 'team_id', 'not_after', 'fingerprint'];
  const rank = ([name]) => (known.indexOf(name) + 1) || 99;
  return {
    title: certificate.name,
    actions: [
      may('sender') && linkButton(t('nav.send'), link(['send'], { app: certificate.app_id }), { symbol: 'send' }),
      may('operator') && button(t('verify'), verify),
      may('operator') && button(active ? t('disable') : t('enable'), toggle),
      may('operator') && linkButton(t('certificate.edit'), link(['certificates', id, 'edit']), { kind: 'primary' }),
    ],
    body: [
      where,
      certificate.warnings.map((warning) => note('warn', warning)),
      held.trouble, held.items.filter((each) => each.id === certificate.id).map((each) => heldNote(each, act, again)),
      section(t('certificate.what'), facts([
        [t('certificate.id'), certificate.id], [t('vendor'), vendorName(certificate.vendor)], [t('app'), certificate.app_id],
        [t('status'), statePill(certificate.status)], [t('field.bundle_id'), certificate.bundle_id && h('code', {}, certificate.bundle_id)],
        [t('field.environment'), t(`choice.environment.${certificate.environment}`)], [t('expiry'), expiryPill(certificate)],
        ...Object.entries(certificate.facts).sort((a, b) => rank(a) - rank(b)).map(([name, value]) => [tOr(`fact.${name}`, name), h('code', {}, value)]),
        [t('field.host'), certificate.host && h('code', {}, certificate.host)], [t('field.ca'), certificate.has_ca && t('yes')],
        [t('certificate.version'), certificate.version], [t('secret'), t('sealed')],
      ])),
      Object.keys(certificate.settings).length > 0 && section(t('settings'),
        facts(Object.entries(certificate.settings).map(([name, value]) => [[tOr(`field.${name}`, name), ' ', h('code', {}, name)], h('code', {}, value)]))),
      receipts(certificate, h('span', { 'aria-live': 'polite' })),
      section(t('versions'), versions.trouble ?? versionsTable(certificate, versions.items, act, again)),
      may('admin') && section(t('remove.section'), h('p', { class: 'quiet' }, t('remove.why')), button(t('remove'), forget, { kind: 'danger' })),
    ],
  };
}
