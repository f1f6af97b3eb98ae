// Dead tokens of a certificate that are not removed, since too many died at once; and "yes, remove".
import { pathOf, post } from './api.js';
import { h } from './dom.js';
import { choice, field } from './fields.js';
import { number, t, tOr } from './i18n.js';
import { link } from './router.js';
import { may } from './session.js';
import { button, confirmed, facts, linkButton, moment, note, toast, vendorName } from './ui.js';

const hourMs = 3600e3;
const spans = [['1h', hourMs], ['6h', 6 * hourMs], ['1d', 24 * hourMs], ['7d', 7 * 24 * hourMs]];

/// Asks, and removes once that is confirmed.
async function approve({ id, name, held }, again) {
  const time = field('for_ms', t('held.for'), choice(spans.map(([key, ms]) => [String(ms), t(`held.for.${key}`)]), { value: String(hourMs) }), { hint: t('held.for.hint') });
  const text = h('div', { class: 'verdict' }, h('p', {}, t('held.yes.text')), time);
  if (!await confirmed(t('held.yes.title', { n: held, name }), text, t('held.yes'), { danger: true })) return;
  const { removed, stopped } = await post(pathOf('v1', 'certificates', id, 'approve-removals'), { for_ms: Number(time.input.value) });
  toast(t(stopped ? 'held.part' : 'held.done', { n: removed }));
  again();
}

/// An item of GET /v1/removals/held. `act` runs what a button does and shows what it throws; `again` draws the view anew.
export function heldNote(item, act, again) {
  const { id, app_id: app, vendor, name, held, unkept, since, last, said_by: by, code, approved_until: until } = item;
  const about = h('p', {}, h('a', { href: link(['certificates', id]) }, name), ` · ${vendorName(vendor)} · `, t('app'), ` ${app}`);
  if (since === null) return note('quiet', about, h('p', {}, t('held.approved')), ' ', moment(until));
  return note('warn', about, h('p', {}, h('strong', {}, t('held.n', { n: held })), unkept > 0 && [' ', t('held.unkept', { n: number(unkept) })]), h('p', {}, t('held.why')),
    facts([[t('held.since'), moment(since)], [t('held.last'), moment(last)], [t('held.by'), by.map((each) => h('div', {}, tOr(`held.by.${each}`, each)))],
      [t('vendor.code'), code && h('code', {}, code)], [t('held.until'), until !== null && moment(until)]]),
    may('operator') && h('div', { class: 'buttons' }, linkButton(t('certificate.edit'), link(['certificates', id, 'edit'])),
      button(t('held.yes'), act(() => approve(item, again)), { kind: 'danger' })));
}
