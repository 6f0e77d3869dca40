// @ts-check
// Loads the page once it can be had.

const EVERY_MS = 5000;

setInterval(async () => {
  const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
  if (answer?.ok) location.reload();
}, EVERY_MS);
