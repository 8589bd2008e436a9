// The ws package as a server that echoes (`server`), and as a client (`client URL`) that prints the sizes of what came back.
'use strict';
const { WebSocket, WebSocketServer } = require('ws');

const [mode, url] = process.argv.slice(2);

function serve() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => console.log(server.address().port));
  server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
}

function call() {
  const socket = new WebSocket(url);
  const sizes = [0, 1, 125, 126, 65535, 65536, 1024 * 1024];
  const back = [];
  socket.on('open', () => socket.send(Buffer.alloc(sizes[0])));
  socket.on('message', (data) => {
    back.push(data.length);
    if (back.length < sizes.length) socket.send(Buffer.alloc(sizes[back.length]));
    else socket.close(4001, 'done');
  });
  socket.on('close', (code) => console.log(JSON.stringify({ back, code })));
  socket.on('error', (error) => { console.error(error); process.exit(1); });
}

if (mode === 'server') serve();
else call();
