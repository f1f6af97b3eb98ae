// Dead letters: which, why, and another try or none. A dry run comes before either.
import { get, post } from '../api.js';
import { h, replace } from '../dom.js';
import { number, t, tOr } from '../i18n.js';
import { choice, field, form, integer, text } from '../fields.js';
import { go, link } from '../router.js';
import { may } from '../session.js';
import { button, confirmed, empty, facts, moment, note, problem, section, statePill, table, toast, vendorName } from '../ui.js';
import { ruleText } from '../words.js';

const lists = { app: 'apps', vendor: 'vendors', rule: 'rules', code: 'codes', stage: 'stages', event: 'events', user: 'users' };

/// The filters of the list as those of a run.
function runBody(filters) {
  const body = {};
  for (const [one, many] of Object.entries(lists)) if (filters[one]) body[many] = [one === 'app' ? Number(filters[one]) : filters[one]];
  for (const time of ['since', 'until']) if (filters[time]) body[time] = Number(filters[time]);
  if (Object.keys(body).length === 0) body.everything = true;
  return body;
}

function tally(result) {
  const counts = (all) => Object.entries(all).map(([name, n]) => h('div', {}, `${number(n)} × ${ruleText(name)}`));
  return facts([
    [t('letters.matched'), number(result.matched)], [t('letters.would'), number(result.done)], [t('letters.before'), result.done_before > 0 && number(result.done_before)],
    [t('letters.copies'), result.copies > 0 && number(result.copies)], [t('letters.late'), result.too_late > 0 && number(result.too_late)],
    [t('letters.reasons'), counts(result.by_reason)], [t('letters.refused'), Object.keys(result.refused).length > 0 && counts(result.refused)],
  ]);
}

/// 'replay' or 'drop': counts first, then asks, then does it.
function run(kind, filters, where, again) {
  return async () => {
    replace(where, h('p', { class: 'quiet' }, t('letters.counting')));
    try {
      const body = runBody(filters);
      const dry = await post(`/v1/letters/${kind}`, { ...body, dry_run: true });
      replace(where);
      if (dry.done === 0) return toast(t('letters.nothing'));
      const text = h('div', { class: 'verdict' }, h('p', {}, t(`letters.${kind}.text`)), tally(dry));
      if (!await confirmed(t(`letters.${kind}.title`, { n: dry.done }), text, t(`letters.${kind}.now`), { danger: kind === 'drop' })) return undefined;
      const real = await post(`/v1/letters/${kind}`, { ...body, dry_run: false });
      toast(t(`letters.${kind}.done`, { n: real.done }));
      return again();
    } catch (error) {
      return replace(where, problem(error));
    }
  };
}

function filterForm(filters) {
  const rows = [
    field('app', t('app'), integer({ value: filters.app ?? '' })), field('user', t('user'), text({ value: filters.user ?? '' })),
    field('event', t('event.id'), text({ value: filters.event ?? '' })), field('rule', t('rule'), text({ value: filters.rule ?? '' }), { hint: t('rule.hint') }),
    field('vendor', t('vendor'), choice([['', t('all')], ...['apns', 'fcm', 'huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu'].map((each) => [each, vendorName(each)])], { value: filters.vendor ?? '' })),
    field('state', t('state'), choice([['open', t('state.open')], ['all', t('all')]], { value: filters.state ?? 'open' })),
  ];
  return form([h('div', { class: 'thirds' }, rows)], [button(t('find'), undefined, { type: 'submit', symbol: 'search' })],
    async () => go(['letters'], Object.fromEntries(rows.map(({ input }) => [input.name, input.value]))));
}

const columns = () => [
  { label: t('letter'), cell: (each) => (may('operator') ? h('a', { href: link(['letters', each.letter]) }, each.letter) : each.letter) },
  { label: t('time'), cell: (each) => moment(each.written_at) }, { label: t('app'), cell: (each) => each.app_id },
  { label: t('event'), cell: (each) => h('a', { href: link(['trace', each.event_id]) }, h('code', {}, each.event_id)) },
  { label: t('vendor'), cell: (each) => each.vendor && vendorName(each.vendor) },
  { label: t('why'), cell: (each) => [h('p', {}, tOr(`rule.${each.reason}`, each.why)), each.code && h('code', {}, each.code)] },
  { label: t('left'), cell: (each) => each.left && each.left.map((one) => one.user_id).slice(0, 3).join(', ') + (each.left.length > 3 ? ' …' : '') },
  { label: t('state'), cell: (each) => statePill(each.state) },
];

export default async function view(filters) {
  const where = h('div', { class: 'mistakes', 'aria-live': 'polite' });
  const body = [section('', filterForm(filters)), where];
  let found;
  try {
    found = await get('/v1/letters', { ...filters, limit: 100 });
  } catch (error) {
    return { title: t('nav.letters'), body: [...body, problem(error)] };
  }
  const again = () => go(['letters'], filters);
  const any = found.items.some((each) => each.state === 'open');
  return {
    title: t('nav.letters'),
    actions: [any && may('operator') && button(t('letters.drop'), run('drop', filters, where, again), { kind: 'danger' }),
      any && may('operator') && button(t('letters.replay'), run('replay', filters, where, again), { kind: 'primary' })],
    body: [...body, found.items.length === 0 ? empty(t('letters.none')) : table(t('nav.letters'), columns(), found.items), found.more && note('warn', t('more.there'))],
  };
}
