// Does edwardstech.dev work through the edge, for a browser and for curl, also when its halves come and go?
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync, writeFileSync } from "node:fs";
import { Bed, HOST, fetchBytes, until } from "../bed.mjs";
import { openBrowser } from "../browser.mjs";

let bed;
let browser;
before(async () => {
  bed = await Bed.make();
  browser = await openBrowser(bed);
});
after(async () => {
  await browser?.context.close();
  await bed?.close();
});

const text = (selector) => browser.page.textContent(selector);

test("the page loads over HTTPS with the site's own certificate, and its API answers", async () => {
  const reply = await browser.page.goto(browser.url("/"));
  assert.equal(reply.status(), 200);
  assert.equal((await reply.securityDetails()).issuer, "hedgerow e2e");
  await until("the API answers in the page", async () => (await text("#api")) === "good");
  assert.equal(await text("h1"), "Edwards Tech");
});

test("a WebSocket echoes and an event stream counts in the browser", async () => {
  await until("the echo", async () => (await text("#socket")) === "echo: over the hedge");
  await until("five events", async () => Number(await text("#events")) >= 5);
});

test("a deep link is the page too, and an unknown path below /api is the API's own 404", async () => {
  await browser.page.goto(browser.url("/projects/7"));
  assert.equal(await text("#path"), "/projects/7");
  const missing = await bed.curl("/api/missing");
  assert.equal(missing.status, 404);
  assert.match(missing.body, /Cannot GET \/api\/missing/);
});

test("plain HTTP is redirected to HTTPS on the public port, path and query kept", async () => {
  const reply = await bed.curl("http:/projects?a=1%202");
  assert.equal(reply.status, 308);
  assert.equal(reply.headers.get("location"), `https://${HOST}:${bed.https}/projects?a=1%202`);
});

test("the VM sees who asks, for which host, and the target byte for byte", async () => {
  const reply = await bed.curl("/api/whoami?x=1&y=%2f", "-H", "X-Forwarded-For: 203.0.113.9", "-H", "Forwarded: for=203.0.113.9");
  const seen = JSON.parse(reply.body);
  assert.equal(seen.url, "/api/whoami?x=1&y=%2f");
  assert.equal(seen.ip, "127.0.0.1");
  assert.equal(seen.protocol, "https");
  assert.equal(seen.host, `${HOST}:${bed.https}`);
  assert.equal(seen.headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(seen.headers.forwarded, undefined);
  assert.match(seen.headers["x-request-id"], /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

test("a form is posted, HEAD has no body, a range is served, a compressed answer passes byte for byte", async () => {
  const posted = await bed.curl("/api/contact", "-H", "content-type: application/json", "-d", '{"name":"Ada"}');
  assert.equal(posted.status, 201);
  assert.deepEqual(JSON.parse(posted.body), { received: { name: "Ada" } });
  const head = await bed.curl("/", "-I");
  assert.equal(head.status, 200);
  assert.equal(head.body, "");
  const range = await bed.curl("/index.html", "-r", "0-14");
  assert.equal(range.status, 206);
  assert.equal(range.body, "<!doctype html>");
  const script = (await bed.curl("/")).body.match(/\/assets\/[^"]+\.js/)[0];
  const direct = await fetchBytes(`http://127.0.0.1:${bed.page}${script}`);
  const through = await fetchBytes(`https://127.0.0.1:${bed.https}${script}`, { ca: readFileSync(bed.path("ca.pem")), servername: HOST });
  assert.equal(direct.headers["content-encoding"], "gzip");
  assert.ok(direct.body.equals(through.body), "the compressed bytes differ");
  for (const response of [direct, through]) for (const name of ["date", "connection", "keep-alive", "x-served-by", "transfer-encoding"]) delete response.headers[name];
  assert.deepEqual(through.headers, direct.headers);
});

test("an upload of 20 MB arrives whole, over HTTP/1.1 and HTTP/2", async () => {
  writeFileSync(bed.path("upload"), Buffer.alloc(20_000_000, 7));
  for (const version of ["--http1.1", "--http2"]) {
    const reply = await bed.curl("/api/upload", version, "-H", "content-type: application/octet-stream", "-T", bed.path("upload"), "-X", "POST");
    assert.deepEqual(JSON.parse(reply.body), { bytes: 20_000_000 });
  }
});

test("killing one nginx is not noticed by the browser", async () => {
  const served = new Set();
  for (let n = 0; n < 20; n++) served.add((await bed.curl("/")).headers.get("x-served-by"));
  assert.deepEqual([...served].sort(), ["127.0.0.1", "127.0.0.2"]);
  await bed.stop(bed.nginx.get("127.0.0.1"), "SIGKILL");
  browser.failures.length = 0;
  for (let n = 0; n < 20; n++) {
    const reply = await browser.page.goto(browser.url(`/?visit=${n}`));
    assert.equal(reply.status(), 200);
  }
  assert.deepEqual(browser.failures.filter((line) => !line.includes("/api/")), []);
  bed.startNginx("127.0.0.1");
});

test("restarting Express is a clear 503 or 504, and recovers by itself", async () => {
  await browser.page.goto(browser.url("/"));
  await until("the API answers", async () => (await text("#api")) === "good");
  await bed.stop(bed.express, "SIGKILL");
  const reply = await bed.curl("/api/health", "-H", "accept: application/json");
  assert.ok([503, 504].includes(reply.status), `status ${reply.status}`);
  assert.equal(reply.headers.get("server"), "hedgerow");
  assert.match(reply.headers.get("content-type"), /json/);
  assert.equal(JSON.parse(reply.body).reason, "connect-refused");
  assert.ok(Number(reply.headers.get("retry-after")) > 0);
  await until("the page shows it", async () => /status 50[34]/.test(await text("#api")));
  await bed.startApi();
  await until("the page recovers without a reload", async () => (await text("#api")) === "good");
});

test("h2load sees no failed request, over HTTP/2 and HTTP/1.1", async () => {
  for (const args of [["-c8", "-m8"], ["-c8", "--h1"]]) {
    const child = bed.spawn("h2load", ["-n4000", ...args, "--connect-to", `127.0.0.1:${bed.https}`, `https://${HOST}:${bed.https}/`]);
    await child.ended;
    assert.match(child.output, /4000 succeeded, 0 failed, 0 errored, 0 timeout/);
    assert.match(child.output, /status codes: 4000 2xx/);
  }
});

test("SIGTERM under load drops no request, and the exit code is 0", async () => {
  const load = bed.spawn("h2load", ["-D3", "-c4", "-m4", "--connect-to", `127.0.0.1:${bed.https}`, `https://${HOST}:${bed.https}/`]);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(await bed.stop(bed.edge), 0);
  await load.ended;
  assert.match(load.output, / 0 failed, 0 errored, 0 timeout/);
});
