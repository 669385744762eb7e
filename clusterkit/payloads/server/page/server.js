// Requests to the server that this page came from, with the key where there is one.
import { currentKey } from "./key.js";

export class ServerError extends Error {
  // `status` 0: nothing was heard at all.
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function getJson(path, timeoutMs) {
  const response = await request(path, { signal: AbortSignal.timeout(timeoutMs), cache: "no-store" });
  try {
    return await response.json();
  } catch {
    throw new ServerError(0, `The answer of /${path} broke off`);
  }
}

// Why the server is not ready, in its own words; null: it is.
export async function whyNotReady(timeoutMs) {
  try {
    await request("ready", { signal: AbortSignal.timeout(timeoutMs), cache: "no-store" });
    return null;
  } catch (error) {
    return error.message.replace(/^not ready: /, "");
  }
}

export function postJson(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  return request(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

async function request(path, options) {
  const key = currentKey();
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const late = error.name === "TimeoutError";
    throw new ServerError(0, late ? "The server does not answer in time" : "The server does not answer");
  }
  if (!response.ok) throw new ServerError(response.status, await told(response));
  return response;
}

// In OpenAI's form, or whatever stands before us in the way said.
async function told(response) {
  const text = await response.text().catch(() => "");
  let message = text;
  try {
    const body = JSON.parse(text);
    message = body.error?.message ?? body.error ?? body.message ?? body.detail ?? text;
  } catch {
    // Not JSON: the text itself.
  }
  const line = String(message).replace(/\s+/g, " ").trim().slice(0, 300);
  const wait = response.status === 429 && response.headers.get("Retry-After");
  return (line || `The server answered with ${response.status}`) + (wait ? ` (again in ${wait} s)` : "");
}
