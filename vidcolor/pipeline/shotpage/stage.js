// A shot's picture: the line between before and after, and its clip.

class Stage {
  /**
   * @param article The shot on the page.
   * @param shot What is known of it: the time of its picture, and those of its clip's.
   */
  constructor(article, shot) {
    const find = (selector) => article.querySelector(selector);
    this.shot = shot;
    this.picture = find(".picture");
    this.split = find(".split");
    this.after = find(".after");
    this.clip = find(".clip");
    this.time = find(".time");
    this.listeners = [];
    this.split.addEventListener("input", () => this.moveLine());
    this.moveLine();
    this.dragLine(find(".line"));
    this.tell();
    if (this.clip) this.prepareClip(find);
  }

  /** Call a function whenever another picture is shown. */
  onChange(listener) {
    this.listeners.push(listener);
  }

  /** When the picture that is shown is, in seconds of the film; null while the clip plays. */
  get moment() {
    if (!this.clip || this.clip.hidden) return this.shot.time;
    return this.clip.paused ? this.shot.times[this.place] : null;
  }

  moveLine() {
    this.picture.style.setProperty("--split", `${this.split.value}%`);
  }

  dragLine(line) {
    line.addEventListener("pointerdown", (event) => {
      line.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    line.addEventListener("pointermove", (event) => {
      if (!line.hasPointerCapture(event.pointerId)) return;
      const box = this.picture.getBoundingClientRect();
      this.split.value = (100 * (event.clientX - box.left)) / box.width;
      this.moveLine();
    });
  }

  prepareClip(find) {
    this.before = find(".clip-before");
    this.rate = (this.shot.times.length - 1) / (this.shot.times.at(-1) - this.shot.times[0]);
    this.place = 0; // of the clip's picture that is shown
    this.buttons = { play: find(".play"), back: find(".back"), on: find(".on"), still: find(".still") };
    this.buttons.play.addEventListener("click", () => (this.clip.paused ? this.play() : this.clip.pause()));
    this.buttons.back.addEventListener("click", () => this.step(-1));
    this.buttons.on.addEventListener("click", () => this.step(1));
    this.buttons.still.addEventListener("click", () => this.showStill());
    for (const name of ["play", "pause", "seeked", "loadeddata"]) this.clip.addEventListener(name, () => this.seen());
    if (this.clip.requestVideoFrameCallback) {
      const draw = (now, frame) => {
        this.seen(frame.mediaTime);
        this.clip.requestVideoFrameCallback(draw);
      };
      this.clip.requestVideoFrameCallback(draw);
    } else {
      this.clip.addEventListener("timeupdate", () => this.seen());
    }
  }

  play() {
    for (const other of document.querySelectorAll("video")) if (other !== this.clip) other.pause();
    this.showClip();
    return this.clip.play();
  }

  showClip() {
    for (const element of [this.clip, this.before, ...Object.values(this.buttons)]) element.hidden = false;
  }

  showStill() {
    this.clip.pause();
    for (const element of [this.clip, this.before, this.buttons.back, this.buttons.on, this.buttons.still]) {
      element.hidden = true;
    }
    this.tell();
  }

  /** Go some pictures of the clip on, and stop there. */
  step(pictures) {
    this.showPlace(Math.min(Math.max(this.place + pictures, 0), this.shot.times.length - 1));
  }

  /** Show a picture of the clip, by its place. */
  showPlace(place) {
    this.clip.pause();
    this.showClip();
    this.place = place;
    this.clip.currentTime = (place + 0.5) / this.rate;
    this.tell();
  }

  /** Take note of the picture that the clip shows, and draw it a second time for what lies before the line. */
  seen(time = this.clip.currentTime) {
    this.place = Math.min(Math.max(Math.floor(time * this.rate + 0.01), 0), this.shot.times.length - 1);
    if (this.clip.videoWidth && !this.clip.hidden) {
      this.before.width = this.clip.videoWidth;
      this.before.height = this.clip.videoHeight;
      this.before.getContext("2d").drawImage(this.clip, 0, 0);
    }
    this.tell();
  }

  tell() {
    if (this.buttons) {
      const playing = !this.clip.paused;
      this.buttons.play.textContent = playing ? "Pause" : "Play";
      this.buttons.play.setAttribute("aria-pressed", String(playing));
    }
    if (this.moment !== null) this.time.textContent = timeText(this.moment);
    for (const listener of this.listeners) listener();
  }
}
