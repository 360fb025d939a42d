"use strict";

// Charts: drawn from the specifications in the page, as SVG in the page's own colours.
const specs = JSON.parse(document.getElementById("specs").textContent);
const drawn = [...document.querySelectorAll(".chart")].map((place) =>
  vegaEmbed(place, specs[place.dataset.chart], { actions: false, renderer: "svg", ast: true }),
);
Promise.all(drawn).then(
  () => document.documentElement.setAttribute("data-charts", "drawn"),
  (error) => console.error(error),
);

// On paper everything is open.
window.addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
});
