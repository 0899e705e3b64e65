// Helpers that change the page only where something differs, so that selections and focus stay.

export function setText(element, text) {
  const value = String(text);
  if (element.textContent !== value) element.textContent = value;
}

// Let a list have one element for each item; make() returns an element, update(element, item) fills it.
export function fillList(parent, items, make, update) {
  while (parent.children.length > items.length) parent.lastElementChild.remove();
  while (parent.children.length < items.length) parent.append(make());
  items.forEach((item, index) => update(parent.children[index], item));
}

// Show statuses of diagnostics in words; their values only if withValues.
export function fillStatuses(parent, statuses, withValues) {
  fillList(parent, statuses, makeStatus, (element, status) => {
    const [title, message, values] = element.children;
    setText(title.lastElementChild, status.name);
    setText(title.firstElementChild, { ok: "OK", warning: "Warning", error: "Error", stale: "No news" }[status.level]);
    title.firstElementChild.className = `pill ${status.level}`;
    setText(message, status.message === "OK" ? "" : status.message);
    const entries = withValues ? Object.entries(status.values) : [];
    fillList(values, entries, makeValue, (row, [key, value]) => {
      setText(row.firstElementChild, key.replaceAll("_", " "));
      setText(row.lastElementChild, value);
    });
  });
}

function makeStatus() {
  const item = document.createElement("li");
  const title = document.createElement("h3");
  title.append(document.createElement("span"), " ", document.createElement("span"));
  const values = document.createElement("dl");
  values.className = "values";
  item.append(title, document.createElement("p"), values);
  return item;
}

function makeValue() {
  const row = document.createElement("div");
  row.append(document.createElement("dt"), document.createElement("dd"));
  return row;
}
