// The admin API. Every call gives the answer's JSON or throws an ApiError.

export class ApiError extends Error {
  constructor(status, { code = 'unknown', message = '', path = '', reasons = [] } = {}) {
    super(message || code);
    this.status = status;
    this.code = code;
    this.path = path; // of the member that is wrong: "settings.app_id"
    this.reasons = reasons; // the message by codes: mistakes.js
  }
}

let csrf = '';
let ended = () => {};

export const useCsrf = (token) => { csrf = token ?? ''; };
/// `then` is called when a call meets a session that is over.
export const onSessionEnd = (then) => { ended = then; };

const timeLimitMs = 30_000;
const linesTries = 10; // of a piece that came too soon
const linesPauseMs = 1000;

async function call(method, path, body, type = 'application/json') {
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = type;
  if (method !== 'GET' && csrf) headers['x-nightpost-csrf'] = csrf;
  let reply;
  try {
    reply = await fetch(path, {
      method, headers, body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
      credentials: 'same-origin', redirect: 'error', cache: 'no-store', signal: AbortSignal.timeout(timeLimitMs),
    });
  } catch (error) {
    throw new ApiError(0, { code: error.name === 'TimeoutError' ? 'page_timeout' : 'page_unreachable' });
  }
  const answer = await reply.json().catch(() => null);
  if (reply.ok) return answer ?? {};
  if (reply.status === 401) ended();
  throw new ApiError(reply.status, answer?.error);
}

/// '/v1/devices' and {app: 1, user: ''} → '/v1/devices?app=1': members without a value are left out.
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/// A path of segments, each escaped: pathOf('v1', 'users', 'a/b').
export const pathOf = (...segments) => `/${segments.map((each) => encodeURIComponent(each)).join('/')}`;

export const get = (path, query = {}) => call('GET', withQuery(path, query));
export const post = (path, body = {}) => call('POST', path, body);
export const put = (path, body = {}) => call('PUT', path, body);
export const patch = (path, body = {}) => call('PATCH', path, body);
export const remove = (path, query = {}) => call('DELETE', withQuery(path, query));

/// Pieces of a file come faster than one caller may ask. Of one that is refused for that nothing was done: it waits.
export async function postLines(path, query, text) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await call('POST', withQuery(path, query), text, 'application/x-ndjson');
    } catch (error) {
      if (error.status !== 429 || tried === linesTries) throw error;
      await new Promise((then) => { setTimeout(then, linesPauseMs); });
    }
  }
}
