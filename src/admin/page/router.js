// Routes behind '#': a view is a function of its parameters that fills the main part. Nothing of a route reaches the
// server, so one-time links leave no trace in its logs.

const routes = []; // {pattern: ['certificates', ':id'], load, fixed}

/// '/certificates/:id' and a function that imports the view's module; `fixed`: parameters that the route itself gives.
export function route(pattern, load, fixed = {}) {
  routes.push({ pattern: pattern.split('/').filter(Boolean), load, fixed });
}

function match(pattern, segments) {
  if (pattern.length !== segments.length) return null;
  const found = {};
  for (const [i, part] of pattern.entries()) {
    if (part.startsWith(':')) found[part.slice(1)] = segments[i];
    else if (part !== segments[i]) return null;
  }
  return found;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/// {path: ['certificates', '3'], query: {tab: 'x'}} of location.hash.
export function currentRoute() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  return { path: path.split('/').filter(Boolean).map(decoded), query: Object.fromEntries(new URLSearchParams(query)) };
}

/// The view for the current hash: {load, parameters}, or null.
export function currentView() {
  const { path, query } = currentRoute();
  for (const { pattern, load, fixed } of routes) {
    const found = match(pattern, path);
    if (found) return { load, parameters: { ...query, ...found, ...fixed } };
  }
  return null;
}

/// link(['users', 7, 'a/b'], {event: 'x'}) → '#/users/7/a%2Fb?event=x'.
export function link(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const tail = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return `#/${path.map((each) => encodeURIComponent(each)).join('/')}${tail}`;
}

/// Shows the route of a hash, anew if it is shown already.
export function goTo(hash) {
  if (location.hash === hash) window.dispatchEvent(new HashChangeEvent('hashchange'));
  else location.hash = hash;
}

export const go = (path, query) => goTo(link(path, query));
