// The frame: navigation, language, theme, who is logged in. It fills the main part with the view of the route.
import { h, icon, replace } from './dom.js';
import { keepLanguage, language, languages, loadServerTexts, loadTexts, preferredLanguage, t, useLanguage } from './i18n.js';
import { onSessionEnd } from './api.js';
import { currentView, go, goTo, link, route } from './router.js';
import { forget, loadApps, logOut, may, me, resume } from './session.js';
import { listenForKeys, showKeys } from './keys.js';
import { nextTheme, theme, useTheme } from './theme.js';
import { button, empty, linkButton, mountToasts, problem } from './ui.js';

/// Where to: [path, icon, role, whether it is of all apps together]. The label is nav.<path>.
const places = [
  ['overview', 'overview', 'viewer'], ['certificates', 'key', 'viewer'], ['send', 'send', 'sender'],
  ['users', 'people', 'viewer'], ['im', 'chat', 'viewer'], ['trace', 'trace', 'viewer'], ['live', 'trace', 'viewer'], ['workers', 'gauge', 'viewer', true],
  ['letters', 'letter', 'viewer'], ['tokens', 'shield', 'admin'], ['audit', 'list', 'admin'],
];

/// A view of the companion, and the texts that only these need.
const companion = (module) => Promise.all([module, loadTexts('companion')]).then(([loaded]) => loaded);
/// A view of certificates, and what the server says of bad ones.
const credential = (module) => Promise.all([module, loadServerTexts('mistakes')]).then(([loaded]) => loaded);

route('/', () => import('./views/overview.js'));
route('/overview', () => import('./views/overview.js'));
route('/certificates', () => import('./views/certificates.js'));
route('/certificates/add', () => credential(import('./views/certificate_form.js')));
route('/certificates/removed', () => credential(import('./views/removed.js')));
route('/certificates/:id', () => credential(import('./views/certificate.js')));
route('/certificates/:id/edit', () => credential(import('./views/certificate_form.js')));
route('/send', () => import('./views/send.js'));
route('/users', () => import('./views/users.js'));
route('/users/files', () => import('./views/files.js'));
route('/users/:app/:user', () => import('./views/user.js'));
route('/im', () => companion(import('./views/im.js')));
route('/im/history', () => companion(import('./views/im_history.js')));
route('/im/words', () => companion(import('./views/im_words.js')));
route('/im/settings', () => companion(import('./views/im_settings.js')));
route('/im/users', () => companion(import('./views/im_list.js')), { kind: 'users' });
route('/im/groups', () => companion(import('./views/im_list.js')), { kind: 'groups' });
route('/im/users/:app/:user', () => companion(import('./views/im_user.js')));
route('/im/groups/:app/:group', () => companion(import('./views/im_group.js')));
route('/trace', () => import('./views/trace.js'));
route('/trace/:event', () => import('./views/trace_event.js'));
route('/live', () => import('./views/live.js'));
route('/workers', () => import('./views/workers.js'));
route('/letters', () => import('./views/letters.js'));
route('/letters/:id', () => import('./views/letter.js'));
route('/tokens', () => import('./views/tokens.js'));
route('/tokens/sessions', () => import('./views/sessions.js'));
route('/audit', () => import('./views/audit.js'));
route('/login', () => import('./views/login.js'));

const main = h('main', { id: 'main', tabindex: -1 });
let shown = 0; // counts routes, so that a slow view does not replace a later one

function languageSwitch() {
  const others = Object.keys(languages).filter((each) => each !== language);
  return others.map((each) => h('button', { type: 'button', class: 'tool', lang: each, onclick: async () => {
    keepLanguage(each);
    await useLanguage(each);
    draw();
  } }, icon('globe'), languages[each]));
}

function themeSwitch() {
  const element = h('button', { type: 'button', class: 'tool', onclick: () => {
    useTheme(nextTheme());
    replace(element, icon('sun'), t(`theme.${theme()}`));
  } }, icon('sun'), t(`theme.${theme()}`));
  return element;
}

function navigation(active) {
  return h('nav', { 'aria-label': t('nav') }, h('ul', {}, places.filter(([, , role, whole]) => may(role) && (!whole || me.apps === null)).map(([path, symbol]) =>
    h('li', {}, h('a', { href: link([path]), 'aria-current': path === active && 'page' }, icon(symbol), h('span', {}, t(`nav.${path}`)))))));
}

function frame(active) {
  const account = me && h('div', { class: 'account' },
    h('p', {}, h('strong', {}, me.name), h('span', {}, t(`role.${me.role}`), me.reader && ` · ${t('role.reader')}`, me.apps && ` · ${t('apps.n', { n: me.apps.length })}`)),
    !me.by_proxy && h('button', { type: 'button', class: 'tool', onclick: async () => {
      await logOut().catch(forget);
      go(['login']);
    } }, icon('out'), t('logout')));
  return [
    h('a', { class: 'skip', href: '#main', onclick: (event) => {
      event.preventDefault();
      main.focus();
    } }, t('skip')),
    h('header', { class: 'side' },
      h('a', { class: 'brand', href: link(['overview']) }, h('img', { src: '/icon.svg', alt: '', width: 28, height: 28 }), 'Nightpost'),
      me && navigation(active),
      h('div', { class: 'tools' }, account, languageSwitch(), themeSwitch(),
        h('button', { type: 'button', class: 'tool', onclick: showKeys }, icon('help'), t('keys')))),
    main,
  ];
}

/// The active place of a route's first part; '' is the overview.
const placeOf = () => (location.hash.replace(/^#\/?/, '').split(/[/?]/)[0] || 'overview');

async function content(view) {
  if (!view) return { title: t('lost'), body: [empty(t('lost.text'), linkButton(t('nav.overview'), link(['overview'])))] };
  try {
    const module = await view.load();
    return await module.default(view.parameters);
  } catch (error) {
    if (error.code === undefined) throw error;
    return { title: t('failed'), body: [problem(error), button(t('again'), () => goTo(location.hash))] };
  }
}

/// Draws the route anew; the focus goes to its heading, so that a reader of the screen hears where it is.
async function draw() {
  const turn = ++shown;
  const place = placeOf();
  if (!me && place !== 'login') sessionStorage.setItem('wanted', location.hash);
  const view = me || place === 'login' ? currentView() : { load: () => import('./views/login.js'), parameters: {} };
  main.setAttribute('aria-busy', 'true');
  document.body.classList.toggle('apart', !me);
  replace(document.body, frame(place));
  mountToasts();
  const { title, actions = [], body } = await content(view);
  if (turn !== shown) return;
  const heading = h('h1', { tabindex: -1 }, title);
  replace(main, h('div', { class: 'head' }, heading, h('div', { class: 'buttons' }, actions)), body);
  main.removeAttribute('aria-busy');
  document.body.dataset.shown = location.hash || '#'; // for who waits for the view: tests
  document.title = `${title} · Nightpost`;
  (main.querySelector('[autofocus]') ?? heading).focus({ preventScroll: true });
  scrollTo(0, 0);
}

onSessionEnd(() => {
  if (!me) return;
  forget();
  draw();
});
window.addEventListener('hashchange', draw);
useTheme(theme());
await useLanguage(preferredLanguage());
listenForKeys();
try {
  await resume();
  await loadApps();
} catch {
  forget(); // not logged in, or no server: the view says so
}
draw();
