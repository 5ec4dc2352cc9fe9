// The objects: the kinds that there are, the latest of one kind, and one object as JSON.

import { ask } from "./connection.js";
import { byId, linkTo, make } from "./elements.js";

const MOST = 50; // of a kind
const ID = /^[a-z]{2,14}_(?=\w*[0-9A-Z])\w{6,}$/;
const TOKEN = /("(?:[^"\\]|\\.)*")/;

let shownKinds = "";
let shownObject = null; // { id, account }

const optionOf = ({ account, kind }) => JSON.stringify([account, kind]);

/** Show which kinds there are; lists the first of them when there were none. */
export function showKinds(kinds, say) {
  const now = JSON.stringify(kinds);
  if (now === shownKinds) return;
  shownKinds = now;
  const select = byId("kind");
  const chosen = select.value;
  const accounts = new Set(kinds.map((one) => one.account));
  select.replaceChildren(
    ...kinds.map((one) => {
      const of = accounts.size > 1 ? ` of ${one.account}` : "";
      const option = make("option", "", `${one.kind} (${one.count})${of}`);
      option.value = optionOf(one);
      return option;
    }),
  );
  if (kinds.some((one) => optionOf(one) === chosen)) select.value = chosen;
  listObjects(say);
}

/** List the latest objects of the chosen kind. */
export async function listObjects(say) {
  const list = byId("objects");
  const chosen = byId("kind").value;
  if (!chosen) {
    list.replaceChildren(make("li", "empty", "There are no objects."));
    return;
  }
  const [account, kind] = JSON.parse(chosen);
  const query = new URLSearchParams({ kind, account, newest: MOST });
  try {
    const objects = await ask("GET", `objects?${query}`);
    list.replaceChildren(
      ...objects.map((one) =>
        make("li", "", linkTo(one.id, (id) => openObject(id, account, say)), ` ${labelOf(one)}`),
      ),
    );
  } catch (error) {
    say(error.message, "bad");
  }
}

const labelOf = (one) =>
  [one.name, one.email, one.status, one.amount].filter((each) => typeof each === "string" || typeof each === "number").join(" · ");

/** Show one object. */
export async function openObject(id, account, say) {
  const query = new URLSearchParams(account === undefined ? { id } : { id, account });
  try {
    const found = await ask("GET", `object?${query}`);
    shownObject = { id, account };
    byId("object-title").textContent = `${found.object} ${found.id}`;
    byId("object-data").replaceChildren(...jsonOf(found, (other) => openObject(other, account, say)));
    byId("object").hidden = false;
  } catch (error) {
    say(error.message, "bad");
  }
}

/** JSON as text, in which the ids of other objects can be followed. */
function jsonOf(value, open) {
  return JSON.stringify(value, null, 2)
    .split(TOKEN)
    .map((token) => {
      const text = token.slice(1, -1);
      const isOther = token.startsWith('"') && ID.test(text) && text !== value.id && isId(value, text);
      return isOther ? make("span", "", '"', linkTo(text, open), '"') : document.createTextNode(token);
    });
}

/** Whether a text is a value somewhere in the object, rather than the name of a field. */
function isId(value, text) {
  if (value === text) return true;
  return typeof value === "object" && value !== null && Object.values(value).some((one) => isId(one, text));
}

/** The object that is shown, or null. */
export const currentObject = () => shownObject;
