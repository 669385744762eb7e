// The API key: asked for when the server wants one, kept in this tab alone.
const KEPT_AS = "clusterkit.api-key";
const dialog = document.getElementById("key");
const field = document.getElementById("key-value");
const why = document.getElementById("key-why");
const open = document.getElementById("key-open");
let declined = false;

export function currentKey() {
  return sessionStorage.getItem(KEPT_AS);
}

// Wire the dialog; `changed` is called with each new key.
export function offerKey(changed) {
  open.hidden = currentKey() === null;
  open.addEventListener("click", () => ask(""));
  document.getElementById("key-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    field.value = "";
    declined = true;
  });
  dialog.querySelector("form").addEventListener("submit", () => {
    sessionStorage.setItem(KEPT_AS, field.value.trim());
    changed();
  });
}

// Ask, unless the person has just said no; the button in the header asks again.
export function askForKey() {
  open.hidden = false;
  const refused = currentKey() !== null;
  if (refused) sessionStorage.removeItem(KEPT_AS);
  if (refused || !declined) ask(refused ? "The server did not take that key." : "");
}

function ask(told) {
  if (dialog.open) return;
  why.textContent = told;
  dialog.showModal();
  field.focus();
}
