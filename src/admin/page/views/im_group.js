// One group of the companion: info, applications, members a page at a time.
import { get } from '../api.js';
import { h, replace } from '../dom.js';
import { number, t } from '../i18n.js';
import { momentOrNone, until, userLink } from '../im_parts.js';
import { link } from '../router.js';
import { isReader, rememberApp } from '../session.js';
import { button, during, empty, facts, linkButton, moment, pill, section, table } from '../ui.js';

const memberColumns = (app) => [
  { label: t('user'), cell: (each) => userLink(app, each.user_id) }, { label: t('im.nick'), cell: (each) => each.nick }, { label: t('im.card'), cell: (each) => each.card },
  { label: t('role'), cell: (each) => pill(each.role === 'member' ? 'quiet' : 'good', t(`im.role.${each.role}`)) }, { label: t('im.joined'), cell: (each) => moment(each.joined_at) },
  { label: t('im.silent'), cell: (each) => until(each.silenced_until) }, { label: t('im.option'), cell: (each) => t(`im.option.${each.option}`) },
  { label: t('im.last_sent'), cell: (each) => momentOrNone(each.last_sent_at) },
];

const applicationStates = { waits: 'warn', agreed: 'good', refused: 'quiet' };
function applicationsOf({ app_id: app, applications }) {
  const columns = [
    { label: t('user'), cell: (each) => userLink(app, each.user_id) }, { label: t('time'), cell: (each) => moment(each.at) },
    { label: t('state'), cell: (each) => pill(applicationStates[each.state], t(`im.application.${each.state}`)) },
    { label: t('im.inviter'), cell: (each) => userLink(app, each.inviter) }, { label: t('im.decided_by'), cell: (each) => userLink(app, each.by) },
    { label: t('im.decided'), cell: (each) => momentOrNone(each.decided_at) },
  ];
  return applications.length === 0 ? empty(t('im.applications.none')) : table(t('im.applications'), columns, applications);
}

/// The first page, and a button for the next ones.
function membersOf(app, group, first) {
  let items = first.items;
  let { next } = first;
  const shown = h('div', {});
  const where = h('div', { class: 'mistakes' });
  const more = button(t('im.next'), () => during(more, where, async () => {
    const page = await get('/v1/im/group/members', { app, group, after: next });
    items = [...items, ...page.items];
    next = page.next;
    draw();
  }));
  function draw() {
    replace(shown, items.length === 0 ? empty(t('im.members.none')) : table(t('im.members'), memberColumns(app), items), next !== null && h('div', { class: 'buttons' }, more));
  }
  draw();
  return [shown, where];
}

export default async function view({ app, group: id }) {
  const [group, members] = await Promise.all([get('/v1/im/group', { app, group: id }), get('/v1/im/group/members', { app, group: id })]);
  rememberApp(app);
  return {
    title: group.name || id,
    actions: [isReader() && linkButton(t('im.read'), link(['im', 'history'], { app, group: id }), { symbol: 'chat' })],
    body: [
      section(t('im.info'), facts([
        [t('app'), group.app_id], [t('im.group'), h('code', {}, group.group_id)], [t('im.type'), group.type], [t('im.owner'), group.owner && userLink(app, group.owner)],
        [t('im.members'), `${number(group.members)} / ${number(group.members_max)}`], [t('im.messages'), number(group.messages)], [t('im.last'), momentOrNone(group.last_at)],
        [t('im.created'), moment(group.created_at)], [t('im.introduction'), group.introduction], [t('im.notification'), group.notification],
        [t('im.join'), t(`im.how.${group.join}`)], [t('im.invite'), t(`im.how.${group.invite}`)], [t('im.consent'), group.invite_consent && t('yes')],
        [t('im.all_silenced'), group.all_silenced && t('yes')], [t('im.waiting'), group.applications_waiting > 0 && number(group.applications_waiting)],
        ...Object.entries(group.fields ?? {}).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
      ])),
      section(t('im.members'), membersOf(app, id, members)),
      section(t('im.applications'), applicationsOf(group)),
    ],
  };
}
