// About what a shot will look like: the pictures of the page are graded by the browser while fields are filled in.
//
// What vidcolor does to ab, a matrix does here to R'G'B': colors are scaled around the film's own luma, and X and Z of
// the linear light are multiplied by what the white of a temperature and a tint takes (vidcolor/color/grade.py).

const SVG = "http://www.w3.org/2000/svg";
const TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]; // IEC 61966-2-1
const FROM_XYZ = [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.204, 1.057]];

/** Return the matrix that scales colors around the luma of the film. */
function scaling(factor, weights) {
  return [0, 1, 2].map((row) => weights.map((weight, column) => (1 - factor) * weight + (row === column ? factor : 0)));
}

/** Return what X and Z are multiplied by, between the nodes of the table. */
function whiteFactors(white, temperature, tint) {
  const place = (nodes, value) => {
    const step = nodes[1] - nodes[0];
    const at = Math.min(Math.max((value - nodes[0]) / step, 0), nodes.length - 1 - 1e-9);
    return [Math.floor(at), at - Math.floor(at)];
  };
  const [row, down] = place(white.temperature, temperature);
  const [column, across] = place(white.tint, tint);
  return [0, 1].map((axis) => {
    const at = (r, c) => white.factors[r][c][axis];
    const above = at(row, column) * (1 - across) + at(row, column + 1) * across;
    return above * (1 - down) + (at(row + 1, column) * (1 - across) + at(row + 1, column + 1) * across) * down;
  });
}

/** Return the matrix that puts linear light under another white. */
function whitening([x, z]) {
  const factors = [x, 1, z];
  return [0, 1, 2].map((row) =>
    [0, 1, 2].map((column) => [0, 1, 2].reduce((sum, k) => sum + FROM_XYZ[row][k] * factors[k] * TO_XYZ[k][column], 0)));
}

/** Make a filter of matrices, each on R'G'B' or on linear light, in place of an earlier one of the same name. */
function makeFilter(name, matrices) {
  document.getElementById(name)?.closest("svg").remove();
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "filters");
  svg.setAttribute("aria-hidden", "true");
  const filter = document.createElementNS(SVG, "filter");
  filter.id = name;
  for (const [space, matrix] of matrices) {
    const step = document.createElementNS(SVG, "feColorMatrix");
    step.setAttribute("type", "matrix");
    step.setAttribute("color-interpolation-filters", space);
    step.setAttribute("values", [...matrix.flatMap((row) => [...row, 0, 0]), 0, 0, 0, 1, 0].join(" "));
    filter.append(step);
  }
  svg.append(filter);
  document.body.append(svg);
}

/** Return how a shot looks, from its own cells, those of the shots that it is like, and what is usual. */
function lookOf(film, shot) {
  const own = {};
  const seen = new Set();
  for (let from = shot; from && !seen.has(from); from = film.shots.find((other) => other.cells.shot === from.cells.like)) {
    seen.add(from);
    for (const name of Object.keys(film.settings)) own[name] ??= from.cells[name] || undefined;
  }
  return Object.fromEntries(Object.entries(film.settings).map(([name, setting]) =>
    [name, own[name] === undefined ? setting.usual : setting.choices ? own[name] : Number(own[name])]));
}

/** Show about what a look makes of pictures that were made with another one; return what cannot be shown. */
function showLook(name, film, from, to, elements) {
  const same = Object.keys(to).every((key) => key === "smooth" || from[key] === to[key]);
  const base = from.mode === "color" && from.saturation > 0 && from.strength > 0;
  const canShow = same || to.mode === "grey" || (base && to.mode === "color");
  if (!same && canShow) {
    const [x0, z0] = whiteFactors(film.white, from.temperature, from.tint);
    const [x, z] = whiteFactors(film.white, to.temperature, to.tint);
    const strength = to.mode === "grey" ? 0 : to.strength / from.strength;
    makeFilter(name, [
      ["sRGB", scaling(to.mode === "grey" ? 0 : to.saturation / from.saturation, film.weights)],
      ["linearRGB", whitening([x / x0, z / z0])],
      ["sRGB", scaling(strength, film.weights)],
    ]);
  }
  for (const element of elements) element.style.filter = !same && canShow ? `url(#${name})` : "";
  return canShow ? "" : "How this looks shows in the next run.";
}
