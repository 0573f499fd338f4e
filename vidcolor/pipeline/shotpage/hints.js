// Hints: places in a picture whose color a person knows.

const STEP = 1; // pixels of the film by which an arrow key moves a hint; with Shift ten times as many
const SLACK = 0.0015; // seconds: times are written with three decimals

class Hints {
  /**
   * @param article The shot on the page.
   * @param stage Its picture.
   * @param film What is known of the film: the size that hints are counted in.
   * @param ink Gives the color and the radius of a new hint.
   * @param changed Called after every change.
   */
  constructor(article, stage, film, ink, changed) {
    Object.assign(this, { stage, film, ink, changed, all: stage.shot.hints.map((hint) => ({ ...hint })) });
    this.number = stage.shot.cells.shot;
    this.dots = article.querySelector(".dots");
    this.list = article.querySelector("ul.hints");
    this.cross = article.querySelector(".cross");
    this.crossAt = { x: film.size[0] / 2, y: film.size[1] / 2 };
    const picture = stage.picture;
    picture.addEventListener("click", (event) => {
      if (!event.target.closest(".dot, .line")) this.add(this.pointOf(event));
    });
    picture.addEventListener("keydown", (event) => this.key(event));
    picture.addEventListener("blur", () => (this.cross.hidden = true));
    stage.onChange(() => this.draw());
    this.draw();
    this.write();
  }

  pointOf(event) {
    const box = this.stage.picture.getBoundingClientRect();
    return this.inside({
      x: ((event.clientX - box.left) / box.width) * this.film.size[0],
      y: ((event.clientY - box.top) / box.height) * this.film.size[1],
    });
  }

  /** Return the nearest point in the picture, in tenths of a pixel. */
  inside({ x, y }) {
    const [width, height] = this.film.size;
    const within = (value, side) => Math.round(Math.min(Math.max(value, 0), side - 0.1) * 10) / 10;
    return { x: within(x, width), y: within(y, height) };
  }

  add(point) {
    const time = this.stage.moment;
    if (time === null) this.stage.clip.pause();
    const hint = { time: time ?? this.stage.moment, ...point, ...this.ink() };
    this.all.push(hint);
    this.refresh();
    return hint;
  }

  remove(hint) {
    this.all = this.all.filter((other) => other !== hint);
    this.refresh();
    this.stage.picture.focus();
  }

  refresh() {
    this.draw();
    this.write();
    this.changed();
  }

  /** Show the hints of the picture that is shown. */
  draw() {
    const moment = this.stage.moment;
    const shown = moment === null ? [] : this.all.filter((hint) => this.isAt(hint, moment));
    this.dots.replaceChildren(...shown.map((hint) => this.dot(hint)));
  }

  /** Return whether a hint is of the frame that begins at a time. */
  isAt(hint, time) {
    return hint.time > time - SLACK && hint.time < time + 1 / this.film.rate - SLACK;
  }

  /** Go to the picture that a hint is of, if the page has it. */
  show(hint) {
    const { shot } = this.stage;
    const place = shot.times.findIndex((time) => this.isAt(hint, time));
    if (this.isAt(hint, shot.time)) this.stage.showStill();
    else if (place >= 0) this.stage.showPlace(place);
  }

  dot(hint) {
    const dot = document.createElement("button");
    dot.type = "button";
    dot.className = "dot";
    const ring = document.createElement("span");
    dot.append(ring);
    const place = () => {
      dot.style.left = `${(100 * hint.x) / this.film.size[0]}%`;
      dot.style.top = `${(100 * hint.y) / this.film.size[1]}%`;
      dot.style.backgroundColor = hint.color;
      ring.hidden = !hint.radius;
      ring.style.width = `${(2 * hint.radius * this.stage.picture.clientWidth) / this.film.size[0]}px`;
      dot.setAttribute("aria-label", `Hint ${this.all.indexOf(hint) + 1} of shot ${this.number}: ${hint.color} at ${hint.x}, ${hint.y}`);
    };
    place();
    const move = (point) => {
      Object.assign(hint, this.inside(point));
      place();
      this.write();
      this.changed();
    };
    dot.addEventListener("pointerdown", (event) => dot.setPointerCapture(event.pointerId));
    dot.addEventListener("pointermove", (event) => {
      if (dot.hasPointerCapture(event.pointerId) && event.buttons) move(this.pointOf(event));
    });
    dot.addEventListener("keydown", (event) => {
      const way = wayOf(event);
      if (way) move({ x: hint.x + way.x, y: hint.y + way.y });
      else if (event.key === "Delete" || event.key === "Backspace") this.remove(hint);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return dot;
  }

  /** Move the cross by arrow keys; Enter gives a hint there. */
  key(event) {
    if (event.target !== this.stage.picture) return;
    const way = wayOf(event);
    if (way && this.cross.hidden) this.cross.hidden = false;
    else if (way) this.crossAt = this.inside({ x: this.crossAt.x + 5 * way.x, y: this.crossAt.y + 5 * way.y });
    else if (event.key === "Enter" && !this.cross.hidden) this.add(this.inside(this.crossAt));
    else if (event.key === "Enter") this.cross.hidden = false;
    else return;
    this.cross.style.left = `${(100 * this.crossAt.x) / this.film.size[0]}%`;
    this.cross.style.top = `${(100 * this.crossAt.y) / this.film.size[1]}%`;
    event.preventDefault();
  }

  /** Write the list below the picture. */
  write() {
    this.list.replaceChildren(...this.all.map((hint, place) => {
      const name = `hint ${place + 1} of shot ${this.number}`;
      const color = field("color", hint.color, `Color of ${name}`, (text) => (hint.color = text));
      const radius = field("number", hint.radius, `Radius of ${name}`, (text) => (hint.radius = Number(text) > 0 ? text : ""));
      Object.assign(radius, { min: 1, step: 1, placeholder: "radius" });
      color.setAttribute("list", "used");
      for (const input of [color, radius]) input.addEventListener("input", () => { this.draw(); this.changed(); });
      const text = `${Math.round(hint.x)}, ${Math.round(hint.y)} at ${timeText(hint.time)}`;
      const where = button(text, `Show ${name}, at ${text}`, () => this.show(hint));
      where.className = "where";
      const grey = button("Grey", `Make ${name} grey`, () => { hint.color = "#808080"; this.refresh(); });
      const gone = button("×", `Remove ${name}`, () => this.remove(hint));
      const item = document.createElement("li");
      item.append(color, where, radius, grey, gone);
      return item;
    }));
  }
}

/** Return hints as rows of their table, in the order of time. */
function rowsOf(hints) {
  const texts = ({ time, x, y, color, radius }) =>
    ({ time: timeText(time), x: String(x), y: String(y), color, radius: String(radius) });
  return [...hints].sort((a, b) => a.time - b.time).map(texts);
}

/** Return how far an arrow key moves something, in pixels; null for other keys. */
function wayOf(event) {
  const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const way = ways[event.key];
  const step = event.shiftKey ? 10 * STEP : STEP;
  return way ? { x: way[0] * step, y: way[1] * step } : null;
}

function field(type, value, label, set) {
  const input = Object.assign(document.createElement("input"), { type, value });
  input.setAttribute("aria-label", label);
  input.addEventListener("input", () => set(input.value));
  return input;
}

function button(text, label, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}
