// Messages of a conversation, for readers: nothing is shown before a reason is given, and each page is recorded.
import { post } from '../api.js';
import { appField } from '../app_field.js';
import { h, replace } from '../dom.js';
import { t, tOr } from '../i18n.js';
import { field, form, text } from '../fields.js';
import { userLink } from '../im_parts.js';
import { rememberApp } from '../session.js';
import { button, empty, moment, note, pill, section, table } from '../ui.js';

const json = (value) => JSON.stringify(value, null, 2);

/// Texts as they are, other kinds by their name, with all that they hold behind it.
function elementOf(element) {
  if (element?.type === 'text') return h('p', { class: 'message' }, element.text);
  const kind = tOr(`im.element.${element?.type}`, String(element?.type));
  return h('details', {}, h('summary', {}, kind), h('pre', { class: 'code', tabindex: 0, role: 'region', 'aria-label': kind }, json(element)));
}

function messageOf(message) {
  const marks = ['edited', 'tip', 'hidden'].filter((each) => message[each]).map((each) => [pill('quiet', t(`im.mark.${each}`)), ' ']);
  if (message.recalled) return [pill('warn', t('im.mark.recalled')), ' ', marks];
  const elements = Array.isArray(message.elements) ? message.elements : [message.elements];
  return [marks, elements.map(elementOf), message.targets.length > 0 && h('p', { class: 'quiet' }, t('im.targets', { users: message.targets.join(', ') })),
    message.cloud_data && h('details', {}, h('summary', {}, t('im.cloud_data')), h('pre', { class: 'code', tabindex: 0, role: 'region', 'aria-label': t('im.cloud_data') }, message.cloud_data))];
}

const columns = (app) => [
  { label: t('time'), cell: (each) => moment(each.at) },
  { label: t('im.from'), cell: (each) => [userLink(app, each.from), each.nick && h('div', { class: 'quiet' }, each.nick)] },
  { label: t('im.message'), cell: messageOf }, { label: t('im.seq'), cell: (each) => each.seq, class: 'number' },
];

export default async function view({ app, user = '', peer = '', group = '' }) {
  const of = appField(app);
  const names = [['user', user, 'im.user_a'], ['peer', peer, 'im.user_b'], ['group', group, 'im.group']].map(([name, value, label]) => field(name, t(label), text({ value })));
  const reason = field('reason', t('im.reason'), text({ required: true, minlength: 8, maxlength: 512, autofocus: true }), { hint: t('im.reason.hint') });
  const till = field('till', t('im.till'), h('input', { type: 'datetime-local' }), { hint: t('im.till.hint') });
  const shown = h('div', { 'aria-live': 'polite' });
  let items = [];
  let turns = 0; // of two looks at once the later counts: one table holds messages of one conversation
  function question() {
    const asked = { app_id: Number(of.input.value), reason: reason.input.value, before: null, till: till.input.value ? new Date(till.input.value).getTime() : null };
    for (const { input } of names) if (input.value !== '') asked[input.name] = input.value;
    return asked;
  }
  /// Older pages are of the conversation that was asked for, whatever stands in the form by now.
  async function load(asked) {
    turns += 1;
    const turn = turns;
    const page = await post('/v1/im/history', asked);
    if (turn !== turns) return;
    rememberApp(asked.app_id);
    items = asked.before === null ? page.items : [...page.items, ...items];
    const older = page.next !== null && form([], [button(t('im.older'), undefined, { type: 'submit' })], () => load({ ...asked, before: page.next }));
    replace(shown, section('', older, items.length === 0 ? empty(t(page.next === null ? 'im.history.none' : 'im.none.yet')) : table(t('im.history'), columns(asked.app_id), items)));
  }
  return {
    title: t('im.history'),
    body: [note('warn', t('im.history.audited')), section('', form([of, h('div', { class: 'thirds' }, names), h('div', { class: 'pair' }, reason, till)],
      [button(t('im.read'), undefined, { kind: 'primary', type: 'submit' })], () => load(question()))), shown],
  };
}
