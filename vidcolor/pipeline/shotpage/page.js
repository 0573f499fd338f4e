// The page: its shots put together, what is typed checked, what was decided saved.

const film = JSON.parse(document.getElementById("state").textContent);
const find = (name) => document.getElementById(name);
const parts = [];
let unsaved = 0;

/** Return the hints of all shots, and those at times that are in none. */
function allHints() {
  return [...parts.flatMap((part) => part.hints.all), ...film.other_hints];
}

function changed() {
  unsaved += 1;
  const hints = allHints().length;
  find("used").replaceChildren(...[...new Set(allHints().map((hint) => hint.color))].map((color) => new Option(color)));
  const rows = parts.filter((part) => part.isChanged()).length;
  const texts = [rows && `${rows} shot${rows > 1 ? "s" : ""} changed`, hints && `${hints} hint${hints > 1 ? "s" : ""}`];
  find("changes").textContent = texts.filter(Boolean).join(", ") || "Nothing is changed";
}

/** One shot on the page. */
class Part {
  constructor(shot) {
    this.shot = shot;
    this.article = find(`shot-${shot.cells.shot}`);
    this.saved = { ...shot.cells };
    this.shown = lookOf(film, shot);
    this.problem = this.article.querySelector(".problem");
    const { start, end, start_frame: first, end_frame: last, transition } = shot.cells;
    this.article.querySelector(".where").textContent = `${start} to ${end}, ${last - first} frames, ${transition}`;
    this.stage = new Stage(this.article, shot);
    const ink = () => ({ color: find("ink").value, radius: find("radius").value });
    this.hints = new Hints(this.article, this.stage, film, ink, changed);
    this.references = new References(this.article, this.stage, film.between, (text) => (this.problem.textContent = text));
    this.fields = [...this.article.querySelectorAll("[name]")];
    for (const input of this.fields) {
      this.offer(input);
      input.value = shot.cells[input.name] ?? "";
      input.addEventListener("input", () => this.edit(input));
    }
    this.article.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    this.references.write();
  }

  /** Fill a list of choices. */
  offer(input) {
    if (input.tagName !== "SELECT") return;
    const numbers = film.shots.map((other) => other.cells.shot).filter((number) => number !== this.shot.cells.shot);
    const choices = input.name === "like" ? numbers : film.settings[input.name].choices;
    input.replaceChildren(new Option("", ""), ...choices.map((choice) => new Option(choice, choice)));
  }

  edit(input) {
    if (input.value || !input.validity.badInput) this.shot.cells[input.name] = input.value.trim();
    this.check();
    for (const part of parts) part.showLook();
    changed();
  }

  /** Tell what is wrong with the row; return the first field with a fault. */
  check() {
    const faults = [];
    for (const input of this.fields) {
      const setting = film.settings[input.name];
      let why = input.validity.badInput ? "it is no number" : setting ? problemOf(setting, input.value.trim()) : "";
      if (input.name === "like" && this.isInCircle()) why = "shots are like each other in a circle";
      input.setAttribute("aria-invalid", String(Boolean(why)));
      if (why) faults.push([input, `${input.name}: ${why}`]);
    }
    this.problem.textContent = faults.map(([, text]) => text).join("; ");
    return faults.length ? faults[0][0] : null;
  }

  isInCircle() {
    let from = this.shot;
    for (let steps = 0; from?.cells.like; steps += 1) {
      from = film.shots.find((other) => other.cells.shot === from.cells.like);
      if (from === this.shot || steps > film.shots.length) return true;
    }
    return false;
  }

  isChanged() {
    return film.columns.some((name) => (this.shot.cells[name] ?? "") !== (this.saved[name] ?? ""));
  }

  /** Show in the picture what the fields say, and in the empty fields what holds then. */
  showLook() {
    const look = lookOf(film, this.shot);
    const bare = lookOf(film, { cells: { like: this.shot.cells.like } });
    const pictures = [this.stage.after, this.stage.clip].filter(Boolean);
    const isSound = this.fields.every((input) => input.getAttribute("aria-invalid") !== "true");
    if (isSound) this.article.querySelector(".later").textContent = showLook(`look-${this.shot.cells.shot}`, film, this.shown, look, pictures);
    for (const input of this.fields.filter((each) => each.name in film.settings)) {
      if (input.tagName === "SELECT") input.options[0].text = `as usual: ${bare[input.name]}`;
      else input.placeholder = String(bare[input.name]);
    }
    this.article.classList.toggle("changed", this.isChanged());
  }
}

/** Give the files to the reader, or go to the first fault. */
function save() {
  const fault = parts.map((part) => part.check()).find(Boolean);
  if (fault) {
    fault.focus();
    return;
  }
  const hints = rowsOf(allHints());
  const [list, points] = [find("again-list"), find("again-hints")];
  download(list, film.list, csvOf(film.columns, film.shots.map((shot) => shot.cells)));
  points.hidden = !hints.length;
  if (hints.length) download(points, film.hints, csvOf(film.hint_columns, hints));
  const quoted = (name) => (/^[\w./:=,+-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);
  const words = [film.film, "--shots", film.list, ...(hints.length ? ["--hints", film.hints] : []), ...film.arguments];
  find("command").textContent = `vidcolor colorize ${words.map(quoted).join(" ")}`;
  unsaved = 0;
  find("saved").showModal();
}

/** Bring a shot to the top. */
function show(part) {
  part.article.scrollIntoView({ block: "start" });
  part.article.querySelector("h2").focus({ preventScroll: true });
}

/** Go some shots on. */
function go(steps) {
  const tops = parts.map((part) => part.article.getBoundingClientRect().top);
  const here = tops.reduce((best, top, place) => (Math.abs(top - 90) < Math.abs(tops[best] - 90) ? place : best), 0);
  show(parts[Math.min(Math.max(here + steps, 0), parts.length - 1)]);
}

makeFilter("luma", [["sRGB", scaling(0, film.weights)]]);
parts.push(...film.shots.map((shot) => new Part(shot)));
for (const part of parts) part.showLook();
find("jump").append(...parts.map(({ shot }) => new Option(`${shot.cells.shot}   ${shot.cells.start}`, shot.cells.shot)));
find("jump").addEventListener("change", ({ target }) => {
  show(parts.find((part) => part.shot.cells.shot === target.value));
  target.value = "";
});
find("save").addEventListener("click", save);
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    if (!find("saved").open) save();
  } else if (!event.target.closest("input, select, textarea, dialog") && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.key === "j") go(1);
    if (event.key === "k") go(-1);
  }
});
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
