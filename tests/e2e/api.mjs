// What does the server on the VM do? An Express API with a contact form, a WebSocket and an event stream.
import express from "express";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const app = express();
app.set("trust proxy", "loopback");
app.use(express.json());
app.get("/api/health", (request, reply) => reply.json({ status: "good" }));
app.get("/api/whoami", (request, reply) =>
  reply.json({
    ip: request.ip,
    protocol: request.protocol,
    host: request.get("host"),
    url: request.originalUrl,
    headers: request.headers,
  }),
);
app.post("/api/contact", (request, reply) => reply.status(201).json({ received: request.body }));
app.post("/api/upload", (request, reply) => {
  let bytes = 0;
  request.on("data", (part) => (bytes += part.length));
  request.on("end", () => reply.json({ bytes }));
});
app.get("/api/events", (request, reply) => {
  reply.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const timer = setInterval(() => reply.write(`data: ${Date.now()}\n\n`), 100);
  request.on("close", () => clearInterval(timer));
});

const server = createServer(app);
const sockets = new WebSocketServer({ server, path: "/api/socket" });
sockets.on("connection", (socket) => socket.on("message", (message) => socket.send(`echo: ${message}`)));
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log(`listening on ${process.env.PORT}`));
