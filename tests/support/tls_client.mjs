// One request over TLS by Node's own OpenSSL; prints what was agreed and the answer as JSON.
// Usage: node tls_client.mjs '{"port":1,"ca":"root.pem","groups":"X25519MLKEM768","identity":"node.pem"}'
import { connect } from "node:tls";
import { readFileSync } from "node:fs";

const wish = JSON.parse(process.argv[2]);
const found = { openssl: process.versions.openssl };
const identity = wish.identity ? readFileSync(wish.identity) : undefined;

function finish() {
  console.log(JSON.stringify(found));
  process.exit(0);
}

const socket = connect(
  {
    host: "localhost",
    port: wish.port,
    servername: "localhost",
    ca: readFileSync(wish.ca),
    ecdhCurve: wish.groups,
    minVersion: "TLSv1.3",
    cert: identity,
    key: identity,
  },
  () => {
    found.authorized = socket.authorized;
    found.version = socket.getProtocol();
    found.group = socket.getEphemeralKeyInfo().name;
    socket.write("GET /channel HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  },
);
let text = "";
socket.on("data", (data) => (text += data));
socket.on("end", () => {
  found.answer = text.split("\r\n\r\n")[1];
  finish();
});
socket.on("error", (error) => {
  found.error = error.code ?? error.message;
  finish();
});
