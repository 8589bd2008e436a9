// grpc-js as a server (`server PROTO CERTIFICATE KEY`) and as a client (`client PROTO ADDRESS CA`); CA `-` means plaintext.
// The client runs every kind of call and prints one JSON object: what each came to.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [mode, proto, ...rest] = process.argv.slice(2);
const definition = loader.loadSync(proto, { keepCase: true, defaults: true });
const { Echo } = grpc.loadPackageDefinition(definition).pilotfish.test;

function failure(note) {
  const metadata = new grpc.Metadata();
  metadata.set('x-detail-bin', Buffer.from([0, 1, 2, 255]));
  return { code: note.status, details: `asked for ${note.status} – ünï`, metadata };
}

function serve(certificate, key) {
  const attempts = new Map();
  const cancelled = new Set();
  const waiting = new Map();
  const watch = (call) => {
    const [id] = call.metadata.get('x-id');
    call.on('cancelled', () => {
      cancelled.add(id);
      (waiting.get(id) || (() => {}))();
    });
  };
  const handlers = {
    unary(call, done) {
      watch(call);
      const note = call.request;
      const [id] = call.metadata.get('x-id');
      const seen = (attempts.get(id) || 0) + 1;
      attempts.set(id, seen);
      if (note.status !== 0 && (note.failures === 0 || seen <= note.failures)) {
        done(failure(note));
        return;
      }
      setTimeout(() => done(null, { payload: note.payload, count: seen }), note.delay_milliseconds);
    },
    collect(call, done) {
      const parts = [];
      call.on('data', (note) => parts.push(note.payload));
      call.on('end', () => done(null, { payload: Buffer.concat(parts), count: parts.length }));
    },
    expand(call) {
      watch(call);
      for (let i = 0; i < call.request.count; i++) call.write({ payload: call.request.payload, count: i });
      if (call.request.status !== 0) call.emit('error', failure(call.request));
      else setTimeout(() => call.end(), call.request.delay_milliseconds).unref();
    },
    chat(call) {
      watch(call);
      let count = 0;
      call.on('data', (note) => call.write({ payload: note.payload, count: ++count }));
      call.on('end', () => call.end());
    },
    awaitCancelled(call, done) {
      const id = call.request.payload.toString();
      if (cancelled.has(id)) done(null, {});
      else waiting.set(id, () => done(null, {}));
    },
  };
  const pem = { private_key: fs.readFileSync(key), cert_chain: fs.readFileSync(certificate) };
  const credentials = [grpc.ServerCredentials.createInsecure(), grpc.ServerCredentials.createSsl(null, [pem])];
  const ports = [];
  for (const credential of credentials) {
    const server = new grpc.Server();
    server.addService(Echo.service, handlers);
    server.bindAsync('127.0.0.1:0', credential, (error, port) => {
      if (error) throw error;
      ports.push([credential, port]);
      if (ports.length === 2) console.log(credentials.map((c) => ports.find(([of]) => of === c)[1]).join(' '));
    });
  }
}

async function call(address, ca) {
  const credentials = ca === '-' ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(fs.readFileSync(ca));
  const client = new Echo(address, credentials, { 'grpc.ssl_target_name_override': 'localhost', 'grpc.default_authority': 'localhost' });
  const metadata = (pairs) => {
    const made = new grpc.Metadata();
    for (const [name, value] of Object.entries(pairs || {})) made.set(name, value);
    return made;
  };
  const unary = (note, pairs, options) => new Promise((resolve) => {
    client.unary(note, metadata(pairs), options || {}, (error, reply) => resolve({ error, reply }));
  });
  const big = Buffer.alloc(1024 * 1024, 7);
  const results = {};

  results.unary = (await unary({ payload: Buffer.from('hi') })).reply.payload.toString();
  results.big = big.equals((await unary({ payload: big })).reply.payload);

  const { error } = await unary({ status: 9 });
  results.failed = [error.code, error.details, [...error.metadata.get('x-detail-bin')[0]]];

  results.collect = await new Promise((resolve, reject) => {
    const stream = client.collect((failed, reply) => (failed ? reject(failed) : resolve([reply.count, reply.payload.length])));
    for (let i = 0; i < 20; i++) stream.write({ payload: big.subarray(0, 50000) });
    stream.end();
  });

  results.expand = await new Promise((resolve, reject) => {
    const counts = [];
    client.expand({ count: 50, payload: big.subarray(0, 20000) }).on('data', (note) => counts.push(note.count))
      .on('error', reject).on('end', () => resolve(counts.length));
  });

  results.chat = await new Promise((resolve, reject) => {
    let last = 0;
    const stream = client.chat();
    // Each message waits for the answer to the one before.
    stream.on('data', (note) => {
      last = note.count;
      if (last < 10) stream.write({ payload: note.payload });
      else stream.end();
    }).on('error', reject).on('end', () => resolve(last));
    stream.write({ payload: Buffer.from('x') });
  });

  const deadline = await unary({ delay_milliseconds: 60000 }, { 'x-client-keeps-time': 'yes' }, { deadline: Date.now() + 300 });
  results.deadline = deadline.error.code;

  const id = `cancel-${address}`;
  // A stream that the server would hold open: this client ends its side before it resets, which would end an echo.
  const stream = client.expand({ count: 1, delay_milliseconds: 60000 }, metadata({ 'x-id': id }));
  const ended = new Promise((resolve) => stream.on('error', (failed) => resolve(failed.code)));
  await new Promise((resolve) => stream.on('data', resolve));
  stream.cancel();
  results.cancel = await ended;
  await new Promise((resolve, reject) => client.awaitCancelled({ payload: Buffer.from(id) }, (failed) => (failed ? reject(failed) : resolve())));

  results.retried = (await unary({ status: 14, failures: 2 }, { 'x-id': `retry-${address}`, 'x-retry': 'yes' })).reply.count;
  client.close();
  console.log(JSON.stringify(results));
}

if (mode === 'server') serve(...rest);
else call(...rest).catch((error) => { console.error(error); process.exit(1); });
