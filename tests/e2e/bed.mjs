// What stands around the edge in a story? Two nginx with the built page, Express, a CA, the site's real manifests, the edge itself.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = new URL("../../", import.meta.url).pathname;
export const HOST = "edwardstech.dev";

/** A port that nothing listens on, on every loopback address that the stories use. */
export async function freePort() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Asks until `question` holds; the bound is the test's own failure. */
export async function until(what, question, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      last = await question();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within ${seconds} s: ${what} (last: ${last})`);
}

/** Whatever ends this process ends what it started. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

export class Bed {
  processes = new Set();

  /** Everything up and ready. */
  static async make() {
    const bed = new Bed();
    bed.directory = mkdtempSync(join(tmpdir(), "hedgerow-e2e-"));
    try {
      await bed.build();
    } catch (error) {
      await bed.close();
      throw error;
    }
    return bed;
  }

  async build() {
    for (const name of ["http", "https", "admin", "page", "api"]) this[name] = await freePort();
    this.certificates();
    this.manifests();
    this.nginx = new Map();
    for (const address of ["127.0.0.1", "127.0.0.2"]) this.startNginx(address);
    await this.startApi();
    await this.startEdge();
  }

  path(name) {
    return join(this.directory, name);
  }

  /** An authority of our own and a certificate for the site. */
  certificates() {
    const openssl = (...args) => execFileSync("openssl", args, { cwd: this.directory, stdio: "pipe" });
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    openssl("req", "-x509", ...curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=hedgerow e2e");
    openssl("req", ...curve, "-keyout", "site.key", "-out", "site.csr", "-subj", `/CN=${HOST}`);
    writeFileSync(this.path("site.ext"), `subjectAltName=DNS:${HOST}\nextendedKeyUsage=serverAuth\n`);
    openssl("x509", "-req", "-in", "site.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "site.ext", "-out", "site.pem");
  }

  /** The site's manifests as they are in the repository; beside them what a cluster would add: the pods' endpoints, the Secret. */
  manifests() {
    const directory = this.path("manifests");
    cpSync(join(ROOT, "k8s/sites/edwardstech"), directory, { recursive: true });
    const base64 = (name) => readFileSync(this.path(name)).toString("base64");
    writeFileSync(
      join(directory, "cluster.yaml"),
      `apiVersion: v1
kind: Secret
metadata: { name: edwardstech-tls, namespace: website }
type: kubernetes.io/tls
data:
  tls.crt: ${base64("site.pem")}
  tls.key: ${base64("site.key")}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: frontend-service-1
  namespace: website
  labels: { kubernetes.io/service-name: frontend-service }
addressType: IPv4
ports: [{ name: http, port: ${this.page}, protocol: TCP }]
endpoints:
  - { addresses: [127.0.0.1], conditions: { ready: true } }
  - { addresses: [127.0.0.2], conditions: { ready: true } }
`,
    );
  }

  spawn(command, args, options = {}) {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    child.output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (child.output += part));
    child.ended = once(child, "exit");
    child.ended.catch(() => {});
    this.processes.add(child);
    running.add(child);
    child.once("exit", () => {
      this.processes.delete(child);
      running.delete(child);
    });
    return child;
  }

  async stop(child, signal = "SIGTERM") {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    const [code] = await child.ended;
    return code;
  }

  /** One "pod": nginx as a React image runs it; every unknown path is index.html. */
  startNginx(address) {
    const home = this.path(`nginx-${address}`);
    mkdirSync(home, { recursive: true });
    writeFileSync(
      join(home, "nginx.conf"),
      `daemon off; master_process off; pid ${home}/pid; error_log stderr warn; worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy; fastcgi_temp_path ${home}/fastcgi; uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
  gzip on; gzip_types text/css application/javascript text/javascript; gzip_min_length 256; gzip_proxied any;
  server {
    listen ${address}:${this.page};
    root ${process.env.CACHE}/dist;
    add_header x-served-by ${address};
    location / { try_files $uri /index.html; }
  }
}
`,
    );
    this.nginx.set(address, this.spawn("nginx", ["-c", join(home, "nginx.conf"), "-p", home]));
  }

  async startApi() {
    this.express = this.spawn("node", [new URL("api.mjs", import.meta.url).pathname], {
      env: { ...process.env, PORT: String(this.api) },
    });
    await until("Express listens", () => this.express.output.includes("listening"));
  }

  async startEdge() {
    writeFileSync(
      this.path("hedgerow.yaml"),
      `listeners:
  http: [{ address: "127.0.0.1:${this.http}" }]
  https: [{ address: "127.0.0.1:${this.https}" }]
admin: 127.0.0.1:${this.admin}
state: { directory: ${this.path("state")} }
limits: { lameDuck: 200ms, drain: 5s }
`,
    );
    this.edge = this.spawn(process.env.HEDGEROW, [
      "run", "--settings", this.path("hedgerow.yaml"), "--manifests", this.path("manifests"),
      "--endpoint", `website/backend-service=127.0.0.1:${this.api}`,
    ]);
    await until("the edge is ready", async () => {
      if (this.edge.exitCode !== null) throw new Error(`the edge ended: ${this.edge.output}`);
      return (await fetch(`http://127.0.0.1:${this.admin}/readyz`)).ok;
    });
  }

  /** curl with the site's name pointed at the edge. Returns status, headers and body. */
  async curl(path, ...args) {
    const scheme = path.startsWith("http:") ? "http" : "https";
    const plain = path.replace(/^http:/, "");
    const url = `${scheme}://${HOST}:${this[scheme]}${plain}`;
    const child = this.spawn("curl", [
      "-sS", "-i", "--max-time", "20", "--cacert", this.path("ca.pem"),
      "--resolve", `${HOST}:${this.https}:127.0.0.1`, "--resolve", `${HOST}:${this.http}:127.0.0.1`, ...args, url,
    ]);
    const [code] = await child.ended;
    if (code !== 0) throw new Error(`curl ${args.join(" ")} ${url}: exit ${code}: ${child.output}`);
    return parseReply(child.output);
  }

  async close() {
    for (const child of [...this.processes]) await this.stop(child, "SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A compressed GET with the body as it came, byte for byte. */
export async function fetchBytes(url, options = {}) {
  const { request } = url.startsWith("https:") ? https : http;
  const asked = request(url, { ...options, headers: { host: HOST, "accept-encoding": "gzip" }, agent: false });
  asked.end();
  const [reply] = await once(asked, "response");
  const parts = [];
  for await (const part of reply) parts.push(part);
  return { status: reply.statusCode, headers: reply.headers, body: Buffer.concat(parts) };
}

/** The last head of curl's -i output (after 100 Continue), and the body behind it. */
function parseReply(output) {
  let rest = output.replaceAll("\r\n", "\n");
  let head;
  do {
    const end = rest.indexOf("\n\n");
    head = rest.slice(0, end < 0 ? undefined : end);
    rest = end < 0 ? "" : rest.slice(end + 2);
  } while (/^HTTP\/\S+ 1\d\d/.test(head));
  const [line, ...fields] = head.split("\n");
  const headers = new Headers();
  for (const field of fields) {
    const colon = field.indexOf(":");
    headers.append(field.slice(0, colon), field.slice(colon + 1).trim());
  }
  return { version: line.split(" ")[0], status: Number(line.split(" ")[1]), headers, body: rest };
}
