// Users or groups of the companion that a search found, a page at a time.
import { get } from '../api.js';
import { number, t } from '../i18n.js';
import { groupLink, momentOrNone, searchForm, userLink } from '../im_parts.js';
import { link } from '../router.js';
import { rememberApp } from '../session.js';
import { empty, linkButton, moment, pill, section, table } from '../ui.js';

const userColumns = (app) => [
  { label: t('user'), cell: (each) => userLink(app, each.user_id) }, { label: t('im.nick'), cell: (each) => each.nick },
  { label: t('im.created'), cell: (each) => moment(each.created_at) }, { label: t('state'), cell: (each) => each.removed && pill('warn', t('im.removed')) },
];
const groupColumns = (app) => [
  { label: t('im.group'), cell: (each) => groupLink(app, each.group_id) }, { label: t('im.group.name'), cell: (each) => each.name },
  { label: t('im.type'), cell: (each) => each.type }, { label: t('im.owner'), cell: (each) => userLink(app, each.owner) },
  { label: t('im.members'), cell: (each) => number(each.members), class: 'number' }, { label: t('im.last'), cell: (each) => momentOrNone(each.last_at) },
];

export default async function view({ kind, app, prefix, name, after }) {
  const groups = kind === 'groups';
  const { items, next } = await get(groups ? '/v1/im/groups' : '/v1/im/users', { app, prefix, name, after });
  rememberApp(app);
  const columns = groups ? groupColumns(app) : userColumns(app);
  return {
    title: t(groups ? 'im.groups' : 'im.users'), actions: [linkButton(t('nav.im'), link(['im'], { app }), { symbol: 'chat' })],
    body: [
      section('', searchForm({ app, kind: groups ? 'groups' : 'users', prefix, name })),
      section('', items.length === 0 ? empty(t(next === null ? 'im.none' : 'im.none.yet')) : table(t(groups ? 'im.groups' : 'im.users'), columns, items)),
      next !== null && linkButton(t('im.next'), link(['im', kind], { app, prefix, name, after: next })),
    ],
  };
}
