// The page works without this: it sends no empty fields, moves by keys, and waits for a busy database.

for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    for (const field of form.querySelectorAll("input, select")) field.disabled = field.value === "";
  });
}
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("input, select")) field.disabled = false;
});

// Another model has other classes and intervals.
const model = document.querySelector("select[name=model]");
model?.addEventListener("change", () => {
  for (const name of ["predicted", "interval"]) model.form.elements[name].value = "";
});

// There is room for all filters on a desk, and on a phone for the posts.
const more = document.getElementById("more");
if (more && matchMedia("(min-width: 40rem)").matches) more.open = true;

const box = document.getElementById("sql");
box?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) box.form.requestSubmit();
});

const posts = () => [...document.querySelectorAll("#posts tbody a")];
const keys = {
  "/": () => document.getElementById("text")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  n: () => document.getElementById("next")?.click(),
};
const move = (step) => {
  const links = posts();
  const place = links.indexOf(document.activeElement);
  links[place < 0 ? 0 : Math.min(Math.max(place + step, 0), links.length - 1)]?.focus();
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});

if (document.getElementById("busy")) {
  const look = setInterval(async () => {
    const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
    if (answer && answer.status !== 503) {
      clearInterval(look);
      location.reload();
    }
  }, 3000);
}
