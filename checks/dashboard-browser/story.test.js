// An operator's story: something is enqueued, fails, is found among the dead letters, brought back, and done.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DASHBOARD, SITE, TOKEN, api, launch, look, open, processBatch, signIn } from './browser.js';

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

const MAIL = { transactionId: 't-1', recipientEmail: 'jane@example.com', amount: 10000, currency: 'usd' };

// A mail that the provider refuses for good.
async function refusedMail(payload = MAIL) {
  const fault = await fetch(`${SITE}/dev/outbox/control/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ fault: 'status', status: 422 }),
  });
  assert.equal(fault.status, 204);
  const { jobId } = await api('/api/jobs/enqueue', { type: 'send_release_email', payload });
  const { deadLettered } = await processBatch();
  assert.equal(deadLettered, 1);
  return jobId;
}

for (const javaScriptEnabled of [true, false]) {
  test(`from enqueue to done, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
    const { context, page, faults } = await open(browser, { javaScriptEnabled });
    await signIn(page);
    const id = await refusedMail();

    await page.getByRole('navigation', { name: 'Parts' }).getByRole('link', { name: 'Dead letters' }).click();
    const letter = page.getByRole('listitem').filter({ hasText: id });
    await letter.getByText('422').waitFor();
    await letter.getByText('Payload').click();
    assert.match(await letter.locator('pre').innerText(), /j\*\*\*@example\.com/);

    await letter.getByRole('link', { name: id }).click();
    await page.getByText('Became a dead letter after 1 attempt').waitFor();
    await page.getByRole('button', { name: 'Redrive' }).click();
    await page.getByRole('status').getByText('1 dead letter is back in the queue.').waitFor();
    await processBatch();
    await page.reload();
    await page.getByText('Done on attempt 1').waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto(`${DASHBOARD}?job=${id}`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });
}

test('a page brings itself up to date and leaves alone what a person is at', async () => {
  const { context, page, faults } = await open(browser);
  await page.clock.install();
  await signIn(page);
  const dead = page.locator('#figures div', { hasText: 'Dead letters' }).locator('dd');
  const was = Number(await dead.innerText());
  await page.getByText('The same as numbers').click();
  await refusedMail();
  await page.clock.runFor(10_000);
  await dead.getByText(String(was + 1)).waitFor();
  assert.ok(await page.locator('#numbers').evaluate((one) => one.open), 'what was open stays so');

  await page.getByRole('button', { name: 'Live' }).click();
  await refusedMail();
  await page.clock.runFor(30_000);
  assert.equal(Number(await dead.innerText()), was + 1);
  await page.getByRole('button', { name: 'Paused' }).click();
  await dead.getByText(String(was + 2)).waitFor();

  await page.goto(`${DASHBOARD}?view=dead-letters`);
  const tick = page.getByRole('checkbox').first();
  await tick.check();
  await refusedMail();
  await page.clock.runFor(10_000);
  assert.ok(await tick.isChecked());

  await context.clearCookies();
  await page.clock.runFor(10_000);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('by keyboard alone', async () => {
  const { context, page } = await open(browser);
  await page.goto(DASHBOARD);
  // The browser gives the field the focus when it first draws the page, which may be after it was loaded.
  await page.locator('input[name=token]:focus').waitFor();
  await page.keyboard.type(TOKEN);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the page');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate('document.querySelector("main").contains(document.activeElement)'));
  await context.close();
});

test('a form of another site is refused, and one with the cookie taken along as well', async () => {
  const { context, page } = await open(browser);
  await signIn(page);
  // Another site on this machine: the port differs, so the origin does, while cookies are told apart by the host alone.
  const { createServer } = await import('node:http');
  const form = `<form method="post" action="${DASHBOARD}"><input name="action" value="pause"><input name="type" value="*"><button>Win</button></form>`;
  const evil = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(form)).listen(0, '127.0.0.1');
  const other = await context.newPage();
  await other.goto(`http://127.0.0.1:${evil.address().port}`);
  await other.getByRole('button').click();
  await other.getByText('nothing was done').waitFor();
  evil.close();
  assert.equal((await api('/api/jobs/control')).paused, false);
  await context.close();
});

test('no page has a serious fault, on a screen and on a phone', async () => {
  const evil = { ...MAIL, transactionId: '</pre><script>document.title="owned"</script><img src=x onerror=alert(1)>' };
  const id = await refusedMail(evil);
  const created = await fetch(`${SITE}/api/escrow/create`, {
    method: 'POST',
    headers: { authorization: 'Bearer dev-partner-key', 'idempotency-key': `check-${Date.now()}` },
    body: JSON.stringify({
      amount: 10000, currency: 'usd', buyerEmail: 'buyer@example.com', sellerEmail: 'seller@example.com',
      description: 'A bicycle', paymentMethod: 'pm_card_visa',
    }),
  });
  const { escrowId } = await created.json();
  await processBatch();
  await api('/api/jobs/control', { action: 'pause', type: 'send_refund_email' });
  const pages = {
    overview: '', 'dead-letters': 'view=dead-letters', 'none-of-a-kind': 'view=dead-letters&errorKind=panicked', job: `job=${id}`,
    escrow: `escrow=${escrowId}`, search: `find=${'0'.repeat(64)}`, 'not-found': 'job=none',
  };
  for (const [size, options] of Object.entries({ screen: {}, phone: { viewport: { width: 360, height: 780 }, isMobile: true, hasTouch: true } })) {
    const { context, page, faults } = await open(browser, options);
    await page.goto(DASHBOARD);
    await look(page, `${size}-sign-in`);
    await page.getByLabel("The processor's token").fill('not-the-token');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await look(page, `${size}-wrong-token`);
    await signIn(page);
    for (const [name, query] of Object.entries(pages)) {
      await page.goto(`${DASHBOARD}?${query}`);
      for (const details of await page.locator('summary').all()) await details.click();
      await look(page, `${size}-${name}`);
      assert.notEqual(await page.title(), 'owned');
    }
    await page.goto(`${DASHBOARD}?view=dead-letters`);
    await page.getByRole('checkbox').first().check();
    await page.getByRole('button', { name: 'Discard ticked' }).click();
    await page.getByRole('heading', { name: 'Throw away' }).waitFor();
    await look(page, `${size}-sure`);
    await page.getByRole('link', { name: 'Leave it' }).click();
    await page.getByRole('heading', { name: 'Dead letters' }).waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  }
});
