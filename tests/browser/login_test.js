// Who may come in: by the one-time link, by a token; not by a used link or a wrong token.
import assert from 'node:assert/strict';

export const tests = [
  ['the one-time link logs in, once', async (world) => {
    const admin = await world.visitor();
    world.admin = admin;
    const { page } = admin;
    await page.goto(world.bed.link);
    await page.getByRole('navigation').waitFor();
    await admin.title('Overview');
    assert.ok(!page.url().includes('code='), 'the code stays in the address');
    await admin.says(/To begin/);

    const late = await world.visitor();
    await late.page.goto(world.bed.link);
    await late.says(/Not logged in/);
    await late.close();
  }],
  ['a wrong token is refused at the form, an empty one is not sent', async ({ visitor }) => {
    const stranger = await visitor();
    await stranger.go('certificates'); // asks who it is
    await stranger.title('Log in to Nightpost');
    await stranger.page.locator('main button[type=submit]').click();
    await stranger.says(/Needed/);
    await stranger.fill({ token: 'npt_not-a-token-of-this-server-at-all-0000' });
    await stranger.page.locator('main button[type=submit]').click();
    await stranger.says(/Not logged in/);
    assert.equal(await stranger.page.getByRole('navigation').count(), 0);
    await stranger.close();
  }],
  ['a token logs in and leads to where one wanted to go; logging out ends it', async (world) => {
    const { admin } = world;
    for (const role of ['viewer', 'sender', 'operator']) {
      const made = await admin.call('post', '/v1/tokens', { name: `browser-${role}`, role, apps: null, expires_at: null });
      assert.match(made.secret ?? JSON.stringify(made), /^npt_/);
      world.tokens[role] = made.secret;
    }
    const viewer = await world.visitor();
    await viewer.go('trace');
    await viewer.title('Log in to Nightpost');
    await viewer.fill({ token: world.tokens.viewer });
    await viewer.page.keyboard.press('Enter');
    await viewer.title('Trace');
    await viewer.page.getByRole('button', { name: 'Log out' }).click();
    await viewer.title('Log in to Nightpost');
    const { failed } = await viewer.call('get', '/v1/me');
    assert.equal(failed, 401);
    await viewer.close();
  }],
  ['the page is small, and everything comes from the binary with a policy', async ({ bed, visitor }) => {
    const stranger = await visitor();
    const replies = [];
    stranger.page.on('response', (reply) => replies.push(reply));
    await stranger.go('login');
    await stranger.page.waitForLoadState('networkidle');
    let total = 0;
    for (const reply of replies) {
      const { pathname } = new URL(reply.url());
      if (pathname.startsWith('/v1/')) continue;
      const headers = reply.headers();
      assert.match(headers['content-security-policy'] ?? '', /default-src 'self'/, pathname);
      assert.equal(headers['x-content-type-options'], 'nosniff', pathname);
      total += (await reply.body()).length;
    }
    assert.ok(replies.length > 10 && total > 10_000 && total < 100_000, `${total} bytes in ${replies.length} answers`);
    const missing = await stranger.page.request.get(`${bed.url}/..%2f..%2fetc/passwd`);
    assert.ok(!(await missing.text()).includes('root:'));
    await stranger.close();
  }],
];
