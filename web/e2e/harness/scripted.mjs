/**
 * A server that refuses: pages and answers come from a demo, but every game closes with the same code after its Hello.
 *
 * Owns as much of the websocket protocol (RFC 6455) as a refusal takes.
 */
import { createHash } from 'node:crypto';
import { createServer, request } from 'node:http';

const ACCEPT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * Answers its port, and what ends it.
 *
 * @param {{ port: number }} demo
 * @param {number} code
 */
export async function refusing({ port }, code) {
  const sockets = new Set();
  const server = createServer((asked, answer) => {
    const passed = request({ host: '127.0.0.1', port, method: asked.method, path: asked.url, headers: asked.headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('upgrade', ({ headers }, socket) => {
    socket.on('error', () => {});
    const proof = createHash('sha1').update(headers['sec-websocket-key'] + ACCEPT).digest('base64');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n\r\n`);
    socket.once('data', () => {
      const reason = Buffer.from('As the script says.');
      socket.end(Buffer.concat([Buffer.of(0x88, 2 + reason.length, code >> 8, code & 255), reason]));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
