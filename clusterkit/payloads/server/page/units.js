// Quantities as people read them.
const NUMBER = new Intl.NumberFormat("en");
const GROUP = 1024;

export function count(value) {
  return value == null ? "–" : NUMBER.format(value);
}

export function rate(perSecond) {
  if (perSecond == null) return "–";
  return perSecond < 100 ? perSecond.toFixed(1) : NUMBER.format(Math.round(perSecond));
}

export function bytes(value) {
  if (value == null) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  let left = value;
  while (left >= GROUP && place < units.length - 1) {
    left /= GROUP;
    place += 1;
  }
  return `${left < 10 && place > 2 ? left.toFixed(1) : Math.round(left)} ${units[place]}`;
}

// "82 of 140 GiB": the unit once where it is the same.
export function bytesOf(part, whole) {
  if (whole == null) return bytes(part);
  const [number, unit] = bytes(part).split(" ");
  return bytes(whole).endsWith(` ${unit}`) ? `${number} of ${bytes(whole)}` : `${number} ${unit} of ${bytes(whole)}`;
}

export function duration(seconds) {
  if (seconds == null) return "–";
  const whole = Math.floor(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

export function milliseconds(value) {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}
