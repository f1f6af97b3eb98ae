// What becomes of pushes now: the latest outcomes, as they come.
import { get } from '../api.js';
import { h, replace } from '../dom.js';
import { t } from '../i18n.js';
import { choice, field, form, integer, text } from '../fields.js';
import { go, link } from '../router.js';
import { button, linkButton, moment, note, problem, section, statePill, table, vendorName } from '../ui.js';
import { ruleText } from '../words.js';

const everyMs = 1000;
const shownMax = 200;
const outcomes = ['accepted', 'token_removed', 'suppressed', 'expired', 'rejected', 'retrying', 'dead', 'delivered', 'clicked'];
const vendors = ['apns', 'fcm', 'huawei', 'honor', 'xiaomi', 'oppo', 'vivo', 'meizu'];

const any = (values, name) => [['', t('live.any')], ...values.map((each) => [each, name(each)])];

const columns = () => [
  { label: t('time'), cell: (each) => moment(each.at) }, { label: t('app'), cell: (each) => each.app_id },
  { label: t('user'), cell: (each) => (each.user_id ? h('a', { href: link(['users', each.app_id, each.user_id]) }, each.user_id) : '') },
  { label: t('device'), cell: (each) => each.device_id ?? '' }, { label: t('vendor'), cell: (each) => (each.vendor ? vendorName(each.vendor) : '') },
  { label: t('live.outcome'), cell: (each) => statePill(each.outcome) }, { label: t('why'), cell: (each) => ruleText(each.rule) || each.reason },
  { label: t('event'), cell: (each) => (each.event_id ? h('a', { href: link(['trace', each.event_id]) }, h('code', {}, each.event_id)) : '') },
];

export default async function view(asked) {
  const { app, vendor, outcome, user } = asked;
  const rows = [field('app', t('app'), integer({ value: app ?? '' })), field('vendor', t('vendor'), choice(any(vendors, vendorName), { value: vendor ?? '' })),
    field('outcome', t('live.outcome'), choice(any(outcomes, (each) => t(`state.${each}`)), { value: outcome ?? '' })), field('user', t('user'), text({ value: user ?? '' }))];
  const filter = form([h('div', { class: 'thirds' }, rows)], [button(t('find'), undefined, { type: 'submit', symbol: 'search' })],
    async () => go(['live'], Object.fromEntries(rows.map(({ input }) => [input.name, input.value]))));
  const said = h('div', { role: 'status' });
  const shown = h('div', {});
  let items = [];
  let missed = 0;
  let paused = false;
  let told = ''; // what `said` says
  const query = { app, vendor, outcome, user, limit: shownMax };
  const draw = (page) => {
    missed += page.missed;
    const isNews = page.items.length > 0 || query.after === undefined;
    items = [...page.items.reverse(), ...items].slice(0, shownMax);
    query.after = page.next;
    // What did not change stays, and with it the focus in it; a reader of the screen would hear it again each time.
    if (isNews) replace(shown, items.length === 0 ? h('p', { class: 'quiet' }, t('live.none')) : table(t('live'), columns(), items));
    const words = JSON.stringify([page.trouble, missed, page.left_out]);
    if (words === told) return;
    told = words;
    replace(said, page.trouble !== '' && note('warn', t('live.trouble'), h('p', {}, page.trouble)), missed > 0 && note('warn', t('live.missed', { n: missed })),
      page.left_out > 0 && note('warn', t('live.left_out', { n: page.left_out })));
  };
  const pause = button(t('live.pause'), () => {
    paused = !paused;
    pause.textContent = t(paused ? 'live.go_on' : 'live.pause');
  });
  async function follow() {
    if (!shown.isConnected) return; // another view is shown by now
    try {
      if (!paused && !document.hidden) draw(await get('/v1/live', query));
    } catch (error) {
      told = '';
      replace(said, problem(error));
    }
    setTimeout(follow, everyMs);
  }
  draw(await get('/v1/live', query));
  setTimeout(follow, everyMs);
  return { title: t('live'), actions: [pause, linkButton(t('nav.trace'), link(['trace']), { symbol: 'trace' })], body: [section('', filter), said, section('', shown)] };
}
