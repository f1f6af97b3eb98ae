// Logging in: by a token, or by the one-time link that the first start prints.
import { h } from '../dom.js';
import { t } from '../i18n.js';
import { field, form, secret } from '../fields.js';
import { goTo, link } from '../router.js';
import { loadApps, logIn } from '../session.js';
import { button, problem } from '../ui.js';

/// Where the reader wanted to go before the page asked who they are.
async function enter() {
  await loadApps().catch(() => {}); // the view that follows says what is wrong
  const wanted = sessionStorage.getItem('wanted') ?? '';
  sessionStorage.removeItem('wanted');
  goTo(wanted && !wanted.startsWith('#/login') ? wanted : link(['overview']));
}

async function byLink(code) {
  history.replaceState(null, '', '#/login'); // it is good once; nobody is to find it in the history
  try {
    await logIn({ link: code });
    await enter();
    return [];
  } catch (error) {
    return [problem(error)];
  }
}

export default async function view({ code }) {
  const told = code ? await byLink(code) : [];
  const token = field('token', t('login.token'), secret({ required: true, autofocus: true, autocomplete: 'current-password' }), { hint: t('login.hint') });
  const login = form([token], [button(t('login'), undefined, { kind: 'primary', type: 'submit' })], async () => {
    await logIn({ token: token.input.value.trim() });
    await enter();
  });
  return { title: t('login.title'), body: [h('div', { class: 'card narrow' }, told, login)] };
}
