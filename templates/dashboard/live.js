// Keeps what is marked with data-live up to date: the page is asked for again, and the marked parts take the place of those that are shown.
// What a person is at work on is left alone. Without this script the page is the same, as of when it was loaded.
'use strict';

const EVERY_MS = 10000;
const parts = () => document.querySelectorAll('[data-live]');
const isForm = document.querySelector('form input[name="sure"]') !== null;

if (parts().length > 0 && !isForm) {
  let on = true;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'plain live';
  const say = () => {
    button.textContent = on ? 'Live' : 'Paused';
    button.setAttribute('aria-pressed', String(on));
    button.title = on ? 'The page is brought up to date every 10 seconds' : 'The page stays as it is';
  };
  button.addEventListener('click', () => {
    on = !on;
    say();
    if (on) update();
  });
  say();
  document.querySelector('header nav').after(button);

  // The address without what came of the last form, which is said once.
  const address = () => {
    const url = new URL(location.href);
    url.searchParams.delete('notice');
    url.searchParams.delete('n');
    return url.href;
  };

  const isBusy = (part) => part.contains(document.activeElement) || part.querySelector('input:checked') !== null
    || !getSelection().isCollapsed && getSelection().containsNode(part, true);

  const take = (fresh) => {
    for (const part of parts()) {
      const other = fresh.getElementById(part.id);
      if (!other) {
        part.removeAttribute('data-live');
        continue;
      }
      if (isBusy(part)) continue;
      const open = [...part.querySelectorAll('details[open]'), part].filter((one) => one.open).map((one) => one.id);
      const adopted = document.adoptNode(other);
      for (const id of open) {
        const details = adopted.id === id ? adopted : adopted.querySelector('#' + CSS.escape(id));
        if (details) details.open = true;
      }
      part.replaceWith(adopted);
    }
  };

  const update = () => {
    if (!on || document.hidden) return;
    const request = new XMLHttpRequest();
    request.responseType = 'document';
    request.onload = () => {
      // A session that has ended, or a store out of reach: the page stays and says that it is old.
      document.body.classList.toggle('stale', request.status !== 200);
      button.textContent = request.status === 200 ? 'Live' : 'Not up to date';
      if (request.status === 401) location.reload();
      else if (request.status === 200 && request.response) take(request.response);
    };
    request.onerror = () => { button.textContent = 'Not up to date'; };
    request.open('GET', address());
    request.setRequestHeader('accept', 'text/html');
    request.send();
  };
  setInterval(update, EVERY_MS);
  document.addEventListener('visibilitychange', update);
}
