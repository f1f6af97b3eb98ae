// The companion of an app: finding users and groups, and how many devices are logged in.
import { get } from '../api.js';
import { number, t, tOr } from '../i18n.js';
import { searchForm } from '../im_parts.js';
import { link } from '../router.js';
import { lastApp } from '../session.js';
import { empty, facts, linkButton, pill, problem, section, table } from '../ui.js';

const shownState = ({ state, foreground }) => (state === 'logged_in' && foreground ? 'foreground' : state);

function totalsOf({ users, groups, devices }) {
  const columns = [
    { label: t('platform'), cell: (each) => tOr(`platform.${each.platform}`, each.platform) },
    { label: t('state'), cell: (each) => pill(shownState(each) === 'foreground' ? 'good' : 'quiet', tOr(`im.state.${shownState(each)}`, each.state)) },
    { label: t('devices'), cell: (each) => number(each.devices), class: 'number' },
  ];
  return [
    facts([[t('im.users'), number(users)], [t('im.groups'), number(groups)]]),
    devices.length === 0 ? empty(t('im.devices.none')) : table(t('im.devices'), columns, devices),
  ];
}

export default async function view({ app = lastApp() }) {
  // Counting may take too long; users are found all the same.
  const totals = app && await get('/v1/im/totals', { app }).then(totalsOf, problem);
  return {
    title: t('nav.im'),
    actions: app && [linkButton(t('im.words'), link(['im', 'words'], { app }), { symbol: 'list' }), linkButton(t('im.settings'), link(['im', 'settings'], { app }), { symbol: 'list' })],
    body: [section(t('im.find'), searchForm({ app })), totals && section(t('im.devices.of', { app }), totals)],
  };
}
