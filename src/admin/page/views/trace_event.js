// The story of one event: what it is, what happened when, how it ended on each device, and what can be done.
import { get } from '../api.js';
import { h } from '../dom.js';
import { dateTime, number, offset, t, tOr } from '../i18n.js';
import { link } from '../router.js';
import { copyable, facts, moment, note, section, statePill, vendorName } from '../ui.js';
import { ruleText, todoText } from '../words.js';

/// Facts that a line below has in words of its own, or that nobody needs to see.
const said = new Set(['v', 'event_id', 'app_id', 'user_id', 'device_id', 'outcome', 'rule', 'at', 'traceparent', 'kind']);
/// Facts of the first hop that stand at the head of the page.
const ofTheEvent = new Set(['from', 'to', 'group', 'message_id', 'occurred_at', 'expires_at', 'receivers']);
const order = ['vendor', 'certificate_id', 'code', 'reason', 'attempt', 'sent_at', 'retry_at', 'not_before', 'latency_ms'];
const times = new Set(['sent_at', 'retry_at', 'not_before', 'occurred_at', 'expires_at']);

function shownFact(name, value) {
  if (times.has(name) && typeof value === 'number') return dateTime(value);
  if (name === 'vendor') return vendorName(value);
  if (name === 'certificate_id') return h('a', { href: link(['certificates', value]) }, value);
  if (name === 'outcomes' && value !== null && typeof value === 'object') return Object.entries(value).map(([state, n]) => `${tOr(`state.${state}`, state)} ${n}`).join(', ');
  if (name === 'dead_letter' && value !== null) return `${tOr(`stage.${value.stage}`, value.stage)}: ${ruleText(value.reason)}`;
  if (name === 'latency_ms') return `${number(value)} ms`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function details(hop) {
  const rank = ([name]) => (order.includes(name) ? order.indexOf(name) : order.length);
  const rest = Object.entries(hop.facts ?? {})
    .filter(([name]) => !said.has(name) && !(hop.hop === 'consumed' && ofTheEvent.has(name)))
    .sort((a, b) => rank(a) - rank(b));
  return rest.length > 0 && h('ul', { class: 'hop-facts' }, rest.map(([name, value]) => h('li', {}, h('span', { class: 'quiet' }, tOr(`fact.${name}`, name)), ' ', shownFact(name, value))));
}

function headline(hop) {
  const { facts: known = {} } = hop;
  const what = h('strong', {}, tOr(`hop.${hop.hop}`, hop.hop));
  if (hop.hop !== 'outcome' && hop.hop !== 'receipt') return what;
  return [what, ' ', statePill(known.outcome), ' ', ruleText(known.rule)];
}

const timeline = (hops, start) => h('ol', { class: 'timeline' }, hops.map((hop) => h('li', { class: hop.hop },
  h('time', { datetime: new Date(hop.at).toISOString(), title: dateTime(hop.at) }, offset(hop.at - start)), h('div', {}, h('p', {}, headline(hop)), details(hop)))));

function deviceCard(device, story) {
  const open = ['waiting', 'retrying'].includes(device.state);
  return section('',
    h('div', { class: 'head' }, h('h2', {}, device.user_id, device.device_id && ` · ${device.device_id}`), statePill(device.state)),
    ruleText(device.rule) && h('p', {}, ruleText(device.rule)),
    h('p', { class: 'todo' }, h('strong', {}, t('todo')), ' ', open ? device.todo : todoText(device.rule, device.todo)),
    timeline(device.hops, story.start),
    device.state === 'dead' && h('p', {}, h('a', { href: link(['letters'], { event: story.event_id }) }, t('trace.letter'))));
}

const fine = new Set(['accepted', 'delivered', 'clicked']);

export default async function view({ event: id, user, device }) {
  const story = await get('/v1/trace/events', { event: id, user, device });
  const { event } = story;
  const devices = [...story.devices].sort((a, b) => fine.has(a.state) - fine.has(b.state));
  return {
    title: t('trace.title'),
    body: [
      section('', facts([
        [t('event.id'), copyable(story.event_id)], [t('app'), story.app_id], [t('trace.kind'), event.kind && tOr(`kind.${event.kind}`, event.kind)],
        [t('fact.from'), event.from], [t('fact.group'), event.group], [t('fact.to'), event.to && h('a', { href: link(['users', story.app_id, event.to]) }, event.to)],
        [t('fact.message_id'), event.message_id], [t('fact.receivers'), event.receivers > 1 && event.receivers], [t('fact.occurred_at'), moment(story.start)], [t('fact.expires_at'), event.expires_at && moment(event.expires_at)],
      ]), Object.keys(event).length === 0 && note('warn', t('trace.unknown'))),
      section(t('trace.whole'), timeline(story.hops, story.start), story.left_out > 0 && note('warn', t('trace.left_out', { n: story.left_out }))),
      devices.length === 0 ? note('warn', t('trace.no_outcome')) : devices.map((each) => deviceCard(each, story)),
      story.text && section(t('trace.text'), h('p', { class: 'quiet' }, t('trace.text.why')), h('pre', { class: 'code', tabindex: 0, role: 'region', 'aria-label': t('trace.text') }, story.text)),
    ],
  };
}
