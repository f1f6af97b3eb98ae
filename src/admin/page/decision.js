// What a push to a user would do now: the rules of the user and of each device, in order, with what they looked at.
import { get } from './api.js';
import { h, replace } from './dom.js';
import { t, tOr } from './i18n.js';
import { check, choice, field, form, text } from './fields.js';
import { button, moment, pill, section, table } from './ui.js';
import { ruleText } from './words.js';

const foreign = ['sender_itself', 'certificate_missing']; // their values are ids

function valueText({ rule, value }) {
  if (value === '') return '–';
  return foreign.includes(rule) ? h('code', {}, value) : tOr(`asked.value.${value}`, value);
}

function muteText({ target, until, unless_mentioned: mentions }) {
  return h('span', { class: 'quiet' }, ' ', target && h('code', {}, target), ' ', until === null ? t('mute.forever') : [t('mute.until'), ' ', moment(until)],
    mentions && [' · ', t('mute.mentions')]);
}

function rules(caption, checks, decides) {
  let open = decides !== 'none'; // the first that stops is the one that decides
  const columns = [
    { label: t('rule'), cell: (each) => tOr(`asked.${each.rule}`, each.rule) },
    { label: t('decision.value'), cell: (each) => [valueText(each), each.mute && muteText(each.mute)] },
    { label: t('decision.says'), cell: (each) => {
      if (!each.stops) return pill('good', t('decision.passes'));
      const first = open;
      open = false;
      return [pill(first ? 'bad' : 'warn', t(first ? 'decision.decides' : 'decision.stops')), ' ', ruleText(each.rule)];
    } },
  ];
  return table(caption, columns, checks);
}

const verdict = (title, rule) => h('div', { class: 'head' }, h('h3', {}, title), pill(rule === 'none' ? 'good' : 'bad', t(rule === 'none' ? 'decision.sent' : 'decision.not')));

function decision({ user_id: user, rule, checks, devices }) {
  return [verdict(user, rule), rules(t('user'), checks, rule),
    devices.map((each) => [verdict(`${t('device')} ${each.device_id}`, each.rule), rules(each.device_id, each.checks, each.rule)]),
    h('p', { class: 'quiet' }, t('decision.rest'))];
}

export function decisionSection(query) {
  const from = field('from', t('push.from'), text({ value: '' }));
  const group = field('group', t('decision.group'), text(), { hint: t('decision.group.hint') });
  const kind = field('asked_kind', t('decision.kind'), choice(['message', 'call', 'badge'].map((each) => [each, t(`decision.${each}`)])));
  const mentioned = check('mentioned', t('decision.mentioned'));
  const where = h('div', { class: 'results', 'aria-live': 'polite' });
  return section(t('decision'), h('p', { class: 'quiet' }, t('decision.text')),
    form([h('div', { class: 'thirds' }, kind, from, group), mentioned], [button(t('decision.ask'), undefined, { type: 'submit' })], async () => {
      const asked = { ...query, from: from.input.value, group: group.input.value, kind: kind.input.value, mentioned: mentioned.input.checked ? 'true' : '' };
      replace(where, decision(await get('/v1/users/decision', asked)));
    }), where);
}
