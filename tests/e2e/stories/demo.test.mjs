// What does a newcomer see who types `make run` and opens the page? And do the five things to try work as they are printed?
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { until } from "../bed.mjs";
import { launch } from "../browser.mjs";

const run = promisify(execFile);
let demo;
let told = "";
let folder;
let context;
let page;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "hedgerow-e2e-demo-"));
  const anywhere = "127.0.0.1:0";
  demo = spawn(process.env.HEDGEROW, ["demo", "--http", anywhere, "--https", anywhere, "--admin", anywhere]);
  demo.stdout.on("data", (part) => (told += part));
  await until("the demo stands", () => told.includes("Ctrl-C ends the demo"));
  context = await launch(join(folder, "profile"), folder);
  page = await context.newPage();
});
after(async () => {
  await context?.close();
  demo?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const text = (selector) => page.textContent(selector);
/** What the banner says to do under this number. */
const step = (number) => told.match(new RegExp(`\\n  ${number}\\. [^\\n]*\\n     ([^\\n]*)`))[1];
/** A printed command, as somebody would paste it. */
const paste = (number) => run("sh", ["-c", step(number)]).catch((error) => error);

test("the page loads, its API answers, a WebSocket echoes, events arrive", async () => {
  const reply = await page.goto(told.match(/Open (http:\S+)/)[1]);
  assert.equal(reply.status(), 200);
  assert.match(await text("#pod"), /^frontend-[12]$/);
  await until("the API answers", async () => (await text("#api")).startsWith("200\n"));
  await until("the socket is open", async () => (await text("#ws")) === "open");
  await page.click("#say");
  await until("the echo", async () => (await text("#ws")) === "echo: hello number 1");
  await until("an event", async () => !["connecting", ""].includes(await text("#events")));
});

test("1: an edit of the manifest is served without a restart", async () => {
  const file = step(1);
  const before = readFileSync(file, "utf8");
  const ports = before.replace("name: backend-service", "name: frontend-service").replace("number: 3001", "number: 80");
  writeFileSync(file, ports);
  await until("a pod answers /api", async () => {
    await page.click("#ask");
    return (await text("#api")).includes("Hedgerow demo");
  });
  writeFileSync(file, before);
  await until("the VM answers /api again", async () => {
    await page.click("#ask");
    return (await text("#api")).includes("the machine outside the cluster");
  });
});

test("2: with one pod stopped the page loads every time; with both the edge says what is wrong", async () => {
  await paste(2);
  for (let number = 0; number < 10; number += 1) {
    assert.equal((await page.reload()).status(), 200);
    assert.equal(await text("#pod"), "frontend-2");
  }
  await run("sh", ["-c", step(2).replace("frontend-1", "frontend-2")]);
  const reply = await page.reload();
  assert.equal(reply.status(), 503);
  assert.match(await text("body"), /request id|Request/i);
  for (const pod of ["frontend-1", "frontend-2"]) await run("sh", ["-c", step(2).replace("frontend-1/stop", `${pod}/start`)]);
  await until("the page is back", async () => (await page.reload()).status() === 200);
});

test("3, 4, 5: why, metrics and check answer as they are printed", async () => {
  assert.match((await paste(3)).stdout, /Ingress website\/site/);
  assert.match((await paste(4)).stdout, /hedgerow_requests_total\{/);
  const file = step(1);
  writeFileSync(file, readFileSync(file, "utf8").replace("pathType: Prefix", "pathTyp: Prefix"));
  const checked = await paste(5);
  assert.equal(checked.code, 1);
  assert.match(checked.stdout, /pathType/);
});

test("Ctrl-C ends it, and its files are gone", async () => {
  const [ended, begun] = [once(demo, "exit"), Date.now()];
  demo.kill("SIGINT");
  const [code] = await ended;
  assert.equal(code, 0);
  // The page's event stream and its socket are open all the while.
  assert.ok(Date.now() - begun < 10_000, `it took ${Date.now() - begun} ms`);
  assert.match(told, /its files are gone/);
  assert.ok(!existsSync(step(1)));
});
