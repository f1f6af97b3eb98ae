// The first page: what needs somebody's attention, then how things stand.
import { get } from '../api.js';
import { h, replace } from '../dom.js';
import { figure, moment, note, pill, problem, section, vendorName, facts, linkButton, empty } from '../ui.js';
import { number, relative, t } from '../i18n.js';
import { go, link } from '../router.js';
import { loadCertificates, may, me } from '../session.js';
import { expiryPill } from '../certificate_parts.js';
import { heldNote } from '../held_note.js';

const soonMs = 30 * 86400e3;

/// Those that need somebody, the most urgent first.
function urgent(certificates, now) {
  const rank = (each) => (each.expires_at !== null && each.expires_at < now + soonMs ? each.expires_at : Number.MAX_SAFE_INTEGER);
  return certificates
    .filter((each) => each.status === 'active' && (each.warnings.length > 0 || rank(each) !== Number.MAX_SAFE_INTEGER))
    .sort((a, b) => rank(a) - rank(b) || a.id - b.id);
}

function attention(certificates) {
  if (certificates.length === 0) return note('good', t('overview.calm'));
  return h('ul', { class: 'attention' }, certificates.map((each) => h('li', {},
    h('a', { href: link(['certificates', each.id]) }, h('strong', {}, each.name)),
    h('span', { class: 'quiet' }, `${vendorName(each.vendor)} · ${t('app')} ${each.app_id}`), expiryPill(each),
    each.warnings.map((warning) => h('p', {}, warning)))));
}

function ready(label, part) {
  return figure(label, part.ready ? t('health.ready') : t('health.away'), part.ready ? 'good' : 'bad', part.why);
}

/// Brokers may be slow or away: this arrives when it arrives.
async function letters(where) {
  try {
    const { items, more } = await get('/v1/letters', { state: 'open', limit: 100 });
    const n = more ? `${number(items.length)}+` : number(items.length);
    replace(where, figure(t('overview.letters'), n, items.length === 0 ? 'good' : 'warn',
      items.length === 0 ? t('overview.letters.none') : h('a', { href: link(['letters']) }, t('overview.letters.look'))));
  } catch (error) {
    replace(where, figure(t('overview.letters'), '–', 'quiet', error.code === undefined ? '' : error.message));
  }
}

/// The charts come when they come; who sees some apps alone has none, for workers count all together.
async function rates(where) {
  if (me.apps !== null) return;
  try {
    const { ratesSection } = await import('../rates_section.js');
    replace(where, await ratesSection());
  } catch (error) {
    replace(where, problem(error));
  }
}

export default async function view() {
  const [health, certificates, removals] = await Promise.all([get('/v1/health'), loadCertificates(), get('/v1/removals/held')]);
  const now = health.now;
  const held = h('div', { 'aria-live': 'polite' }, figure(t('overview.letters'), '…', 'quiet', ''));
  letters(held);
  const charts = h('div', {});
  rates(charts);
  const where = h('div', { class: 'mistakes', 'aria-live': 'polite' });
  const act = (work) => async () => {
    try {
      await work();
    } catch (error) {
      replace(where, problem(error));
    }
  };
  const counts = health.certificates;
  const needs = urgent(certificates, now);
  const calm = removals.items.every((each) => each.since === null); // nothing is held
  return {
    title: t('nav.overview'),
    actions: [may('operator') && linkButton(t('certificate.add'), link(['certificates', 'add']), { symbol: 'plus', kind: 'primary' })],
    body: [
      certificates.length === 0
        ? section(t('overview.start'), empty(t('overview.start.text')))
        : (needs.length > 0 || calm) && section(t('overview.attention'), attention(needs)),
      removals.items.length > 0 && section(t('held'), where, removals.items.map((each) => heldNote(each, act, () => go(['overview'])))),
      h('div', { class: 'figures' },
        ready(t('health.store'), health.store), ready(t('health.trace'), health.trace), held,
        counts && figure(t('nav.certificates'), number(counts.active), counts.warned > 0 ? 'warn' : 'good',
          [counts.warned > 0 && t('overview.warned', { n: counts.warned }), counts.disabled > 0 && t('overview.disabled', { n: counts.disabled })].filter(Boolean).join(' · '))),
      charts,
      section(t('overview.server'), facts([
        [t('version'), health.version], [t('overview.since'), [moment(health.started_at), ' ', h('span', { class: 'quiet' }, relative(health.started_at, now))]],
        [t('overview.next'), counts?.expire_next ? [moment(counts.expire_next), ' ', pill('quiet', relative(counts.expire_next, now))] : ''],
      ])),
    ],
  };
}
