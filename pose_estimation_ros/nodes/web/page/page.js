// Show what web_view sends: one card for each camera, and the problems of other nodes.

import { CameraCard } from "./camera.js";
import { Connection } from "./connection.js";
import { fillStatuses, setText } from "./elements.js";

const AGES_MS = 500;
const cards = new Map();
const inSight = new Set();
const main = document.getElementById("cameras");
let version = null;
let histories = {};

const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) inSight.add(entry.target.dataset.camera);
    else inSight.delete(entry.target.dataset.camera);
  }
  connection.ask();
});

const connection = new Connection({ hello, state, picture, status }, () => [...inSight].sort());
setInterval(() => cards.forEach((card) => card.updateAges(nowS())), AGES_MS);

function nowS() {
  return performance.now() / 1000;
}

function hello(message) {
  if (version !== null && version !== message.version) location.reload(); // web_view was updated
  version = message.version;
  histories = message.history;
  for (const [name, card] of cards) card.setHistory(histories[name] || [], nowS());
}

function state(content) {
  const notice = document.getElementById("notice");
  notice.hidden = !content.notice;
  setText(notice, content.notice);
  const names = new Set(content.cameras.map((camera) => camera.name));
  for (const [name, card] of cards) if (!names.has(name)) drop(name, card);
  for (const camera of content.cameras) {
    if (!cards.has(camera.name)) add(camera.name);
    cards.get(camera.name).update(camera, nowS());
  }
  main.classList.toggle("single", cards.size === 1);
  const others = document.getElementById("others");
  others.hidden = !content.others.length;
  fillStatuses(others.querySelector("ul"), content.others, false);
  const people = content.cameras.reduce((sum, camera) => sum + (camera.stale ? 0 : camera.in_view), 0);
  const title = people === 1 ? "1 person" : `${people} people`;
  if (document.title !== title) document.title = title;
}

function add(name) {
  const card = new CameraCard(main, name);
  card.setHistory(histories[name] || [], nowS());
  cards.set(name, card);
  observer.observe(card.root);
}

function drop(name, card) {
  observer.unobserve(card.root);
  inSight.delete(name);
  card.root.remove();
  cards.delete(name);
}

function picture(camera, data) {
  const card = cards.get(camera);
  return card ? card.draw(data) : undefined;
}

function status(level, text) {
  const element = document.getElementById("connection");
  element.className = `pill ${level}`;
  setText(element, text);
}
