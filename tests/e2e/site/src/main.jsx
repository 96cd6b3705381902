// What does a visitor see? A page that uses everything that the edge has to carry.
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

function useApi() {
  const [api, setApi] = useState("waiting");
  useEffect(() => {
    const ask = () =>
      fetch("/api/health")
        .then(async (reply) => setApi(reply.ok ? (await reply.json()).status : `status ${reply.status}`))
        .catch((error) => setApi(`failed: ${error.message}`));
    ask();
    const timer = setInterval(ask, 500);
    return () => clearInterval(timer);
  }, []);
  return api;
}

function useSocket() {
  const [echo, setEcho] = useState("waiting");
  useEffect(() => {
    const socket = new WebSocket(`wss://${location.host}/api/socket`);
    socket.onopen = () => socket.send("over the hedge");
    socket.onmessage = (event) => setEcho(event.data);
    socket.onclose = () => setEcho((last) => `${last} (closed)`);
    return () => socket.close();
  }, []);
  return echo;
}

function useEvents() {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const events = new EventSource("/api/events");
    events.onmessage = () => setCount((n) => n + 1);
    return () => events.close();
  }, []);
  return count;
}

function Page() {
  return (
    <main>
      <h1>Edwards Tech</h1>
      <p id="path">{location.pathname}</p>
      <p id="api">{useApi()}</p>
      <p id="socket">{useSocket()}</p>
      <p id="events">{useEvents()}</p>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<Page />);
