// A running chart of one number: the last minute, from left to right.

const SPAN_S = 60;
const WIDTH = 600;
const HEIGHT = 100;
const NAMESPACE = "http://www.w3.org/2000/svg";

export class Chart {
  // label: what the number is. unit: follows the number.
  constructor(parent, label, unit) {
    this.label = label;
    this.unit = unit;
    this.points = []; // [time in s, value or null]
    this.root = document.createElement("div");
    this.root.className = "chart";
    const text = document.createElement("p");
    text.append(label);
    this.top = document.createElement("span");
    text.append(this.top);
    this.svg = document.createElementNS(NAMESPACE, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.svg.setAttribute("preserveAspectRatio", "none");
    this.svg.setAttribute("role", "img");
    for (const y of [1, HEIGHT / 2]) {
      const line = document.createElementNS(NAMESPACE, "path");
      line.setAttribute("class", "grid");
      line.setAttribute("d", `M0 ${y}H${WIDTH}`);
      this.svg.append(line);
    }
    this.curve = document.createElementNS(NAMESPACE, "path");
    this.curve.setAttribute("class", "curve");
    this.svg.append(this.curve);
    this.root.append(text, this.svg);
    parent.append(this.root);
  }

  // Add a value at a time in seconds; null leaves a gap.
  add(timeS, value) {
    this.points.push([timeS, value]);
    while (this.points.length && this.points[0][0] < timeS - SPAN_S - 1) this.points.shift();
  }

  draw(nowS) {
    const values = this.points.map((point) => point[1]).filter((value) => value !== null);
    const top = roundUp(Math.max(...values, 1));
    let path = "";
    let isDown = false;
    for (const [timeS, value] of this.points) {
      if (value === null) {
        isDown = false;
        continue;
      }
      const x = WIDTH * (1 - (nowS - timeS) / SPAN_S);
      const y = HEIGHT * (1 - Math.max(value, 0) / top);
      path += `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      isDown = true;
    }
    this.curve.setAttribute("d", path);
    this.top.textContent = `${top} ${this.unit}`;
    const last = values.length ? `${values[values.length - 1]} ${this.unit}` : "unknown";
    this.svg.setAttribute("aria-label", `${this.label} in the last minute, at present ${last}, highest line ${top} ${this.unit}`);
  }
}

// Return the next number of 1, 2, 5, 10, 20, ... that is not less than a value.
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 2, 5]) if (value <= factor * power) return factor * power;
  return 10 * power;
}
