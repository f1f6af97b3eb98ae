// How each worker stands: how fast it is, what is in the air and what waits, and what each vendor makes of it.
import { get } from '../api.js';
import { h, replace } from '../dom.js';
import { loadTexts, number, relative, t, tOr } from '../i18n.js';
import { link } from '../router.js';
import { button, empty, figure, note, pill, problem, section, table, vendorName } from '../ui.js';

/// Of numbers that may be unknown: null.
const shown = (value) => (value === null ? '–' : number(Number(value.toPrecision(3))));
const count = (value) => (value === null ? '–' : number(value));
const sum = (values) => values.reduce((all, each) => all + (each ?? 0), 0);
const both = (one, other) => (one === null || other === null ? null : one + other);
const joined = (...parts) => parts.filter(Boolean).join(' · ');

const signerKinds = { healthy: 'good', silent: 'bad', failing: 'bad' };
const silentOf = ({ signers }) => sum([signers.silent, signers.failing]);
const full = (part, limit) => (part !== null && limit !== null && part >= limit * 0.9 ? 'warn' : '');

function vendorColumns() {
  return [
    { label: t('vendor'), cell: (each) => vendorName(each.vendor) },
    { label: t('workers.signers'), cell: ({ signers }) => Object.keys(signerKinds).filter((state) => signers[state] > 0)
      .map((state) => [pill(signerKinds[state], t(`workers.signers.${state}`, { n: number(signers[state]) })), ' ']) },
    { label: t('workers.requests'), class: 'number', cell: (each) => shown(each.requests) },
    { label: t('workers.errors'), class: 'number', cell: (each) => shown(each.errors) },
    { label: t('workers.quotas'), cell: ({ quotas }) => quotas.map(({ per, used, left }) =>
      h('div', {}, pill(left === 0 ? 'bad' : 'quiet', t(`workers.per.${per}`)), ' ', t('workers.quota', { used: count(used), left: count(left) }))) },
    { label: t('workers.held'), cell: ({ holds, held_certificates: held }) => holds > 0 && [pill('warn', number(holds)), held.map((id) => [' ', h('a', { href: link(['certificates', id]) }, `#${id}`)])] },
  ];
}

/// Rates by name, known once there were two looks: all of them, then each.
function rateFigure(label, rates, kind, name) {
  if (rates === null) return figure(label, '–', '', t('workers.rate.soon'));
  return figure(label, shown(sum(Object.values(rates))), kind, joined(...Object.entries(rates).map(([key, rate]) => `${name(key)} ${shown(rate)}`)));
}

function figures({ outcomes, put_off: putOff, pushes, events, kafka, lanes, http, vendors, since_start: since }) {
  const silent = sum(vendors.map(silentOf));
  return h('div', { class: 'figures' },
    rateFigure(t('workers.rate'), outcomes, '', (name) => tOr(`state.${name}`, name)),
    rateFigure(t('workers.put_off'), putOff, putOff?.breaker > 0 ? 'bad' : '', (name) => tOr(`workers.put_off.${name}`, name)),
    figure(t('workers.silent'), number(silent), silent > 0 ? 'bad' : 'good', t('workers.fell', { n: count(since.signers_down), probes: count(since.signer_probes) })),
    figure(t('workers.breakers'), count(since.breakers_opened), since.breakers_opened > 0 ? 'warn' : '', t('workers.breakers.since')),
    figure(t('workers.air'), count(pushes.in_flight), full(pushes.in_flight, pushes.in_flight_limit), t('workers.limit', { n: count(pushes.in_flight_limit) })),
    figure(t('workers.waiting'), count(pushes.waiting), full(pushes.waiting, pushes.waiting_limit), joined(t('workers.limit', { n: count(pushes.waiting_limit) }),
      pushes.grants_waiting > 0 && t('workers.grants', { n: pushes.grants_waiting }))),
    figure(t('workers.lag'), count(kafka.lag), kafka.brokers_down > 0 ? 'bad' : full(events.open, events.open_limit), joined(kafka.brokers_down > 0 && t('workers.brokers'),
      t('workers.oldest', { n: shown(kafka.oldest_unsettled_s) }), t('workers.events', { open: count(events.open), limit: count(events.open_limit) }),
      t('workers.partitions', { n: count(kafka.partitions), paused: count(kafka.partitions_paused) }))),
    figure(t('workers.connections'), count(both(lanes.connections, http.connections)), full(lanes.streams, lanes.streams_limit), joined(
      t('workers.lanes', { n: count(lanes.connections), open: count(lanes.streams), limit: count(lanes.streams_limit), queued: count(lanes.queued), draining: count(lanes.draining) }),
      t('workers.http', { n: count(http.connections), open: count(http.open), queued: count(http.queued) }))));
}

function workerSection({ name, trouble, looked_at: looked, answered_at: answered, state }, now) {
  const title = (kind, word) => [h('code', {}, name), ' ', pill(kind, word)];
  if (looked === null) return section(title('quiet', t('workers.soon')));
  if (state === null) return section(title('bad', t('workers.away')), note('bad', trouble, h('p', {}, answered === null ? t('workers.never') : t('workers.answered', { when: relative(answered, now) }))));
  return section(title('good', t('workers.answers')), h('p', { class: 'quiet' }, t('workers.looked', { when: relative(looked, now) })), figures(state),
    state.vendors.length === 0 ? empty(t('workers.vendors.none')) : table(t('workers.vendors', { name }), vendorColumns(), state.vendors));
}

export default async function view() {
  const [first] = await Promise.all([get('/v1/workers'), loadTexts('workers')]);
  const said = h('div', { class: 'mistakes' });
  const workers = h('div', { class: 'results' });
  const reachable = () => [...workers.querySelectorAll('a, [tabindex]')];
  let told = ''; // what `said` says
  let paused = false;
  const draw = ({ items, now }) => {
    const focused = reachable().indexOf(document.activeElement); // stays where it was
    replace(workers, items.length === 0 ? empty(t('workers.none')) : items.map((each) => workerSection(each, now)));
    reachable()[focused]?.focus({ preventScroll: true });
  };
  const tell = (error) => {
    const words = error === null ? '' : `${error.code} ${error.message}`;
    if (words === told) return; // or a reader of the screen would hear it each time
    told = words;
    replace(said, error !== null && problem(error));
  };
  const pause = button(t('live.pause'), () => {
    paused = !paused;
    pause.textContent = t(paused ? 'live.go_on' : 'live.pause');
  });
  async function follow() {
    if (!workers.isConnected) return; // another view is shown by now
    try {
      if (!paused && !document.hidden) {
        draw(await get('/v1/workers', { again: true }));
        tell(null);
      }
    } catch (error) {
      tell(error);
    }
    setTimeout(follow, first.every_ms);
  }
  draw(first);
  setTimeout(follow, first.every_ms);
  return { title: t('nav.workers'), actions: [pause], body: [said, workers] };
}
