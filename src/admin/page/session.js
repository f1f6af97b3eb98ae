// Who is logged in, and the app that the views are about.
import { get, post, useCsrf } from './api.js';

const roles = ['viewer', 'sender', 'operator', 'admin'];

/// {name, role, reader, apps, csrf, expires_at, version}, or null.
export let me = null;

function enter(answer) {
  if (answer?.name !== me?.name) certificates = []; // somebody else may see others
  me = answer;
  useCsrf(answer?.csrf);
}

export const resume = async () => enter(await get('/v1/me'));
export const logIn = async (proof) => enter(await post('/v1/login', proof));
export async function logOut() {
  await post('/v1/logout');
  enter(null);
}
export const forget = () => enter(null);

/// Of private messages: a grant beside the role.
export const isReader = () => me?.reader === true;

/// Whether the role may do what needs `role`; the server has the last word.
export const may = (role) => me !== null && roles.indexOf(me.role) >= roles.indexOf(role);

let certificates = []; // for the apps that are known

/// All that this session may see; kept for the list of apps.
export async function loadCertificates(query = {}) {
  const { items } = await get('/v1/certificates', query);
  if (Object.keys(query).length === 0) certificates = items;
  return items;
}

/// Ids of the apps that are known here, sorted.
export function knownApps() {
  const all = new Set([...(me?.apps ?? []), ...certificates.map((each) => each.app_id)]);
  return [...all].sort((a, b) => a - b);
}

export async function loadApps() {
  if (certificates.length === 0) await loadCertificates();
  return knownApps();
}

/// The app that was used last, or the only one; '' if there is none.
export const lastApp = () => sessionStorage.getItem('app') ?? String(knownApps()[0] ?? '');
export const rememberApp = (app) => sessionStorage.setItem('app', app);
