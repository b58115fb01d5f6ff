// A browser of the check's own: Debian's Chromium, and what every page is looked at for.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

export const SITE = process.env.SITE;
export const TOKEN = process.env.TOKEN;
export const DASHBOARD = `${SITE}/api/dashboard`;

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });

// Opens a page that fails the test for anything it fetches from elsewhere, anything its policy blocks, and any error of its script.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  const faults = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(SITE)) faults.push(`a request to ${request.url()}`);
  });
  page.on('pageerror', (error) => faults.push(`an error: ${error}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('status of 4')) faults.push(message.text());
  });
  return { context, page, faults };
}

export async function signIn(page) {
  await page.goto(DASHBOARD);
  await page.getByLabel("The processor's token").fill(TOKEN);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

// No serious fault, in both colour schemes; the page is not wider than the window either.
export async function look(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe);
    const { violations } = await page.evaluate('axe.run(document, { resultTypes: ["violations"] })');
    const told = violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => node.html).join(' | ')}`);
    assert.deepEqual(told, [], `${name}, ${colorScheme}`);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}-${colorScheme}.png`, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: null });
  const [wide, window] = await page.evaluate('[document.documentElement.scrollWidth, document.documentElement.clientWidth]');
  assert.ok(wide <= window, `${name} is ${wide} wide in a window of ${window}`);
}

export async function api(path, body) {
  const answer = await fetch(`${SITE}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${TOKEN}` },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

export const processBatch = () => api('/api/jobs/process', { action: 'process-batch' });
