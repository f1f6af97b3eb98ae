// Writes recorded.json: the bodies that firebase-admin really puts on the wire for cases.mjs.
//
//     npm install && npm run record
//
// Its HTTPS agent is handed a plain connection to a server in this process, so nothing leaves the machine, no certificate is
// needed, and what is recorded are the bytes of the request's body as they arrived.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import fs from 'node:fs';
import { SDK_VERSION, initializeApp } from 'firebase-admin/app';
import { getMessaging } from 'firebase-admin/messaging';
import { cases } from './cases.mjs';

let arrived;
const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    arrived = { path: request.url, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
    response.setHeader('content-type', 'application/json');
    response.end('{"name":"projects/demo-project/messages/1"}');
  });
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));

const agent = new https.Agent();
agent.createConnection = () => net.connect(server.address().port, '127.0.0.1');
const app = initializeApp({
  projectId: 'demo-project',
  credential: { getAccessToken: async () => ({ access_token: 'ya29.example', expires_in: 3600 }) },
  httpAgent: agent,
});

const recorded = [];
for (const { name, ours, settings = {}, admin } of cases) {
  arrived = undefined;
  await getMessaging(app).send(admin);
  if (arrived?.path !== '/v1/projects/demo-project/messages:send') throw new Error(`${name}: nothing arrived where it should`);
  recorded.push({ name, ours, settings, sent: arrived.body });
}
server.close();
agent.destroy();

fs.writeFileSync(new URL('recorded.json', import.meta.url),
                 JSON.stringify({ client: `firebase-admin ${SDK_VERSION}`, messages: recorded }, null, 1) + '\n');
console.log(`recorded.json: ${recorded.length} messages of firebase-admin ${SDK_VERSION}`);
