// A one-time link's secret stands behind `#`, where no server sees it; from here it goes into the form.

const secret = location.hash.slice(1);
if (/^tl_[\w-]+$/.test(secret)) {
  history.replaceState(null, "", location.pathname + location.search);
  const form = document.getElementById("sign-in");
  form.elements.token.value = secret;
  form.requestSubmit();
}
