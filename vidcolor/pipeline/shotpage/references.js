// References: pictures whose colors a shot takes, by the names of their files.

class References {
  /**
   * @param article The shot on the page.
   * @param stage Its picture, whose time a painted frame has.
   * @param between What stands between two names.
   * @param say Called with what is wrong, "" for nothing.
   */
  constructor(article, stage, between, say) {
    Object.assign(this, { stage, between, say, seen: new Map() });
    this.text = article.querySelector("input[name=reference]");
    this.thumbs = article.querySelector(".thumbs");
    this.ofFrame = article.querySelector(".of-frame input");
    article.querySelector(".choose input").addEventListener("change", (event) => {
      this.take(event.target.files);
      event.target.value = "";
    });
    const hold = (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      article.classList.toggle("over", event.type === "dragover");
    };
    for (const name of ["dragover", "dragleave", "drop"]) article.addEventListener(name, hold);
    article.addEventListener("drop", (event) => this.take(event.dataTransfer.files));
    this.text.addEventListener("input", () => this.write());
  }

  get names() {
    return this.text.value.split(this.between).map((name) => name.trim()).filter(Boolean);
  }

  take(files) {
    for (const file of files) {
      if (file.name.includes(this.between)) {
        this.say(`${file.name}: a name with ${this.between} in it cannot stand in the list; call the file otherwise`);
        continue;
      }
      const moment = this.ofFrame.checked ? this.stage.moment : null;
      const name = moment === null ? file.name : `${timeText(moment)}=${file.name}`;
      if (file.type.startsWith("image/")) this.seen.set(name, URL.createObjectURL(file));
      if (!this.names.includes(name)) this.put([...this.names, name]);
    }
  }

  put(names) {
    this.text.value = names.join(`${this.between} `);
    this.text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Show what the field names: small pictures of those that were dropped, and a button to take each out. */
  write() {
    this.thumbs.replaceChildren(...this.names.map((name) => {
      const item = document.createElement("li");
      if (this.seen.has(name)) {
        const image = Object.assign(new Image(), { src: this.seen.get(name), alt: name });
        image.addEventListener("error", () => image.remove()); // of a kind that browsers do not show
        item.append(image);
      }
      const text = document.createElement("span");
      text.textContent = name;
      item.append(text, button("×", `Remove the reference ${name}`, () => this.put(this.names.filter((other) => other !== name))));
      return item;
    }));
  }
}
