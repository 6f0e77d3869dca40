// @ts-check
// A one-time link's secret stands behind `#`, where no server sees it; from here it goes into the form.

const secret = location.hash.slice(1);
const field = document.getElementById("token");
if (/^tl_[\w-]+$/.test(secret) && field instanceof HTMLInputElement) {
  history.replaceState(null, "", location.pathname + location.search);
  field.value = secret;
  field.form?.requestSubmit();
}
