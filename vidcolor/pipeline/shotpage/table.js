"use strict";
// The list of shots and the hints as tables (CSV), and what may stand in their cells.

/** Return rows, objects of texts by column, as CSV. */
function csvOf(columns, rows) {
  const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (texts) => `${texts.map(cell).join(",")}\n`;
  return line(columns) + rows.map((row) => line(columns.map((name) => row[name] ?? ""))).join("");
}

/** Return what is wrong with the text of a setting, as a phrase; "" when it is right. */
function problemOf(setting, text) {
  if (text === "") return "";
  if (setting.choices) return setting.choices.includes(text) ? "" : `it is none of ${setting.choices.join(", ")}`;
  const value = Number(text);
  if (!Number.isFinite(value)) return `${text} is no number`;
  if (setting.low !== null && value < setting.low) return `it is below ${setting.low}`;
  if (setting.high !== null && value > setting.high) return `it is above ${setting.high}`;
  return "";
}

/** Return a time of the film as hours, minutes, seconds and milliseconds: never later than the frame that it names. */
function timeText(seconds) {
  const whole = Math.floor(seconds * 1000 + 1e-4);
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600000), Math.floor(whole / 60000) % 60];
  return `${two(hours)}:${two(minutes)}:${two(Math.floor(whole / 1000) % 60)}.${String(whole % 1000).padStart(3, "0")}`;
}

/** Give the reader a file. */
function download(link, name, text) {
  if (link.href) URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
}
