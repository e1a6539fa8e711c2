/** What no server on node:http can pass: one ready answer, sent once the request has been read. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const body = readFileSync(process.env.BODY_FILE);
const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length };
createServer((request, response) => {
  const answer = () => response.writeHead(200, headers).end(body);
  if (request.method === 'GET') return answer();
  request.on('data', () => undefined);
  request.on('end', answer);
}).listen(Number(process.env.PORT), '127.0.0.1');
