// How does a story use a real browser? Debian's Chromium, which trusts the story's own authority and no other switch.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { HOST } from "./bed.mjs";

const QUIET = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** Chromium with a profile and a home in this folder. */
export function launch(profile, home, ...args) {
  return chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    env: { ...process.env, HOME: home },
    args: [...QUIET, ...args],
  });
}

/** A page of the site over HTTPS; the certificate must be one that the browser trusts. */
export async function openBrowser(bed) {
  const home = bed.path("browser-home");
  const store = join(home, ".pki/nssdb");
  mkdirSync(store, { recursive: true });
  const certutil = (...args) => execFileSync("certutil", ["-d", `sql:${store}`, ...args], { stdio: "pipe" });
  certutil("-N", "--empty-password");
  certutil("-A", "-t", "C,,", "-n", "hedgerow-e2e", "-i", bed.path("ca.pem"));
  const context = await launch(bed.path("browser-profile"), home, `--host-resolver-rules=MAP ${HOST} 127.0.0.1`);
  const page = await context.newPage();
  const failures = [];
  page.on("requestfailed", (request) => failures.push(`${request.url()}: ${request.failure()?.errorText}`));
  return { context, page, failures, url: (path) => `https://${HOST}:${bed.https}${path}` };
}
