// Gives the token once, for a cookie that scripts cannot read. From the form, or after «#token=».

const form = document.getElementById("login");
const said = document.getElementById("login-said");

async function enter(token) {
  said.textContent = "Looking …";
  let response;
  try {
    response = await fetch("session", { headers: { Authorization: `Bearer ${token}` }, cache: "no-store" });
  } catch (error) {
    said.textContent = error instanceof TypeError ? "The server does not answer, or no header can have this text." : String(error);
    return;
  }
  if (response.ok) {
    location.reload();
    return;
  }
  const answer = await response.json().catch(() => null);
  said.textContent = answer?.error ?? `The server answered ${response.status}.`;
  form.token.select();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  enter(form.token.value.trim());
});

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  history.replaceState(null, "", location.pathname); // not in the history, not in a screenshot
  enter(given);
}
