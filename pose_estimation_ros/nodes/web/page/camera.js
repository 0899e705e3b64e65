// The card of one camera.

import { Chart } from "./chart.js";
import { fillList, fillStatuses, setText } from "./elements.js";

const LEVELS = { ok: "OK", warning: "Warning", error: "Problem" };
const SAMPLE_S = 0.5;

export class CameraCard {
  // parent: element that gets the card. name: namespace of the camera.
  constructor(parent, name) {
    this.name = name;
    const template = document.getElementById("camera");
    this.root = template.content.firstElementChild.cloneNode(true);
    this.root.dataset.camera = name;
    this.find = (selector) => this.root.querySelector(selector);
    this.canvas = this.find("canvas");
    this.pictures = 0;
    this.pictureAgeS = null;
    const title = this.find("h2");
    title.textContent = name === "/" ? "Camera" : `Camera ${name.replace(/^\/|\/$/g, "")}`;
    title.id = `title-${encodeURIComponent(name)}`;
    this.root.setAttribute("aria-labelledby", title.id);
    this.canvas.setAttribute("aria-label", `Picture of ${title.textContent} with skeletons of the people`);
    this.rate = new Chart(this.find(".charts"), "Rate", "Hz");
    this.age = new Chart(this.find(".charts"), "Age", "ms");
    this.sampledS = -Infinity;
    parent.append(this.root);
  }

  // points: [seconds before now, rate, age] from the server.
  setHistory(points, nowS) {
    this.rate.points = points.map(([ageS, rate]) => [nowS - ageS, rate]);
    this.age.points = points.map(([ageS, , age]) => [nowS - ageS, age]);
  }

  update(camera, nowS) {
    this.camera = camera;
    this.receivedS = nowS;
    setText(this.find(".node"), camera.node);
    const level = this.find(".level");
    setText(level, LEVELS[camera.level]);
    level.className = `pill level ${camera.level}`;
    if (this.level !== undefined && this.level !== camera.level) {
      // Only changes are read out: the text itself counts seconds.
      const announcement = document.getElementById("announcement");
      setText(announcement, `${this.find("h2").textContent}: ${LEVELS[camera.level]}. ${camera.problem}`);
    }
    this.level = camera.level;
    const problem = this.find(".problem");
    problem.hidden = !camera.problem;
    problem.className = `problem ${camera.level}`;
    setText(problem, camera.problem);
    this.updateFigures(camera, nowS);
    this.updatePeople(camera);
    fillStatuses(this.find(".diagnostics ul"), camera.statuses, this.find(".diagnostics").open);
    this.find(".diagnostics").hidden = !camera.statuses.length;
    this.updateAges(nowS);
  }

  updateFigures(camera, nowS) {
    setFigure(this.find("[data-figure=people]"), camera.stale ? null : camera.in_view, "");
    setFigure(this.find("[data-figure=rate]"), camera.stale || camera.rate_hz === null ? null : camera.rate_hz.toFixed(1), "Hz");
    const age = camera.stale || camera.age_ms === null ? null : Math.round(camera.age_ms);
    setFigure(this.find("[data-figure=age]"), age, "ms");
    if (nowS - this.sampledS < SAMPLE_S) return;
    this.sampledS = nowS;
    this.rate.add(nowS, camera.stale ? null : camera.rate_hz);
    this.age.add(nowS, camera.stale ? null : camera.age_ms);
    this.rate.draw(nowS);
    this.age.draw(nowS);
  }

  updatePeople(camera) {
    const people = [...camera.people].sort((a, b) => a.id - b.id);
    const table = this.find("table");
    table.hidden = !people.length;
    table.classList.toggle("flat", !camera.space_frame);
    this.find(".nobody").hidden = people.length > 0 || camera.result_age_s === null;
    fillList(this.find("tbody"), people, makeRow, updateRow);
    const notes = [];
    if (camera.count > people.length) notes.push(`${camera.count - people.length} more people are not listed.`);
    if (people.length && camera.space_frame) notes.push(`Distance from the origin of ${camera.space_frame}.`);
    if (people.length && !camera.space_frame) notes.push("Distances need a depth image, or position_without_depth.");
    if (people.some((person) => person.source === "guessed")) notes.push("≈ is guessed without a depth image.");
    setText(this.find(".footnote"), notes.join(" "));
  }

  // Show how old everything is; called several times a second, whether anything comes or not.
  updateAges(nowS) {
    if (!this.camera) return;
    const passedS = nowS - this.receivedS;
    const resultS = this.camera.result_age_s;
    const isStale = this.camera.stale || passedS > 2;
    this.root.classList.toggle("stale", isStale);
    const pictureS = this.camera.picture_age_s;
    let caption = "";
    if (isStale && resultS !== null) caption = `Last result ${age(resultS + passedS)} ago`;
    else if (pictureS !== null && pictureS + passedS > 2) caption = `Picture of ${age(pictureS + passedS)} ago`;
    else if (!this.pictures) caption = "Waiting for a picture …";
    setText(this.find("figcaption"), caption);
  }

  async draw(data) {
    const bitmap = await createImageBitmap(new Blob([data]));
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
    }
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.canvas.hidden = false;
    this.pictures += 1;
    this.canvas.dataset.pictures = this.pictures;
  }
}

function makeRow() {
  const row = document.createElement("tr");
  for (let column = 0; column < 5; column += 1) {
    const cell = row.insertCell();
    if (column > 2) cell.className = "space";
  }
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  row.cells[0].append(swatch, document.createElement("span"));
  return row;
}

function updateRow(row, person) {
  row.className = person.state;
  const [swatch, id] = row.cells[0].children;
  if (swatch.dataset.color !== person.color) {
    swatch.dataset.color = person.color;
    swatch.style.setProperty("background", person.color);
  }
  setText(id, person.id < 0 ? "–" : person.id);
  setText(row.cells[1], person.state);
  setText(row.cells[2], person.score === null ? "–" : `${Math.round(100 * person.score)} %`);
  const sign = person.source === "guessed" ? "≈ " : "";
  setText(row.cells[3], isNumber(person.distance_m) ? `${sign}${person.distance_m.toFixed(2)} m` : "–");
  setText(row.cells[4], isNumber(person.speed_mps) ? `${person.speed_mps.toFixed(1)} m/s` : "–");
}

function setFigure(element, value, unit) {
  const text = value === null ? "–" : String(value);
  if (element.dataset.text === text + unit) return;
  element.dataset.text = text + unit;
  element.replaceChildren(text);
  if (unit && value !== null) {
    const span = document.createElement("span");
    span.className = "unit";
    span.textContent = unit;
    element.append(span);
  }
}

function isNumber(value) {
  return typeof value === "number";
}

function age(seconds) {
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
