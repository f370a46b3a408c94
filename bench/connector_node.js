// The same service written by hand: fastify with the database's native driver.
// It does what the connector does: the request's digest and signature (RFC 9421,
// Ed25519 or ECDSA on P-256) and its form, the statement, the answer's form, a row
// of the ledger in a commit that calls of one turn share, the answer's digest and
// signature.
'use strict';

const crypto = require('crypto');
const fs = require('fs');

const setup = JSON.parse(fs.readFileSync(process.argv[2]));
const need = (name) => require(`${setup.modules}/${name}`);
const Database = need('better-sqlite3');
const Ajv = need('ajv');

const consumerKey = crypto.createPublicKey(fs.readFileSync(setup.consumer));
const consumerId = crypto.createHash('sha256').update(
  consumerKey.export({type: 'spki', format: 'der'})).digest('hex');
const ownKey = crypto.createPrivateKey(fs.readFileSync(setup.key));
const ownId = crypto.createHash('sha256').update(crypto.createPublicKey(ownKey)
  .export({type: 'spki', format: 'der'})).digest('hex');
// what crypto.sign and crypto.verify take for a key: hash, key, form
const wayOf = (key) => key.asymmetricKeyType === 'ec'
  ? ['sha256', {key, dsaEncoding: 'ieee-p1363'}] : [null, key];
const [consumerHash, consumerWay] = wayOf(consumerKey);
const [ownHash, ownWay] = wayOf(ownKey);
const taken = new Map();

// ---- forms ----

const isNationalId = (id) => {
  if (!/^[0-9]{10}$/.test(id)) return false;
  let sum = 0;
  for (let i = 0; i < 9; i++) sum += (10 - i) * (id.charCodeAt(i) - 48);
  const rest = sum % 11;
  return id.charCodeAt(9) - 48 === (rest < 2 ? rest : 11 - rest);
};
const ajv = new Ajv();
ajv.addFormat('national-id', isNationalId);
const text = {type: 'string', minLength: 1, maxLength: 100};
const isRequest = ajv.compile({
  type: 'object', required: ['id'], additionalProperties: false,
  properties: {id: {type: 'string', format: 'national-id'}}});
const isAnswer = ajv.compile({
  type: 'object', required: ['found'], additionalProperties: false,
  properties: {found: {enum: ['yes', 'no']}, first_name: text, last_name: text,
    father_name: text, birth_date: {type: 'string',
      pattern: '^1[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'}}});

// ---- signatures ----

const digestOf = (body) =>
  `sha-256=:${crypto.createHash('sha256').update(body).digest('base64')}:`;

const verify = (req, body) => {
  const {headers} = req;
  if (headers['content-digest'] !== digestOf(body)) return false;
  const input = /^payvand=(\(([^)]*)\)(;.*))$/.exec(headers['signature-input']);
  if (!input) return false;
  const parameters = Object.fromEntries([...input[3].matchAll(
    /;([a-z]+)=(?:"([^"]*)"|([0-9]+))/g)].map((m) => [m[1], m[2] ?? m[3]]));
  const now = Date.now() / 1000;
  if (parameters.keyid !== consumerId || parameters.tag !== 'payvand-request' ||
      parameters.created > now + 30 || parameters.expires < now - 30 ||
      taken.has(parameters.nonce)) return false;
  const lines = input[2].split(' ').map((name) => {
    const plain = name.slice(1, -1);
    const value = plain === '@method' ? req.method
      : plain === '@path' ? req.url : headers[plain];
    return `${name}: ${value}`;
  });
  lines.push(`"@signature-params": ${input[1]}`);
  const signature = /^payvand=:([^:]*):$/.exec(headers.signature);
  if (!signature || !crypto.verify(consumerHash,
    Buffer.from(lines.join('\n')), consumerWay,
    Buffer.from(signature[1], 'base64'))) return false;
  taken.set(parameters.nonce, parameters.expires);
  return true;
};

const sign = (req, body, tracking) => {
  const digest = digestOf(body);
  const now = Math.floor(Date.now() / 1000);
  const names = '"payvand-outcome" "payvand-tracking-id" "content-type" ' +
    '"content-digest" "@method";req "@path";req "content-digest";req ' +
    '"signature";key="payvand";req';
  const parameters = `(${names});created=${now};expires=${now + 60};` +
    `keyid="${ownId}";tag="payvand-answer"`;
  const base = `"payvand-outcome": answered\n"payvand-tracking-id": ${tracking}` +
    `\n"content-type": application/json\n"content-digest": ${digest}\n` +
    `"@method";req: POST\n"@path";req: ${req.url}\n` +
    `"content-digest";req: ${req.headers['content-digest']}\n` +
    `"signature";key="payvand";req: ${req.headers.signature.slice(8)}\n` +
    `"@signature-params": ${parameters}`;
  return {
    'Payvand-Outcome': 'answered', 'Payvand-Tracking-Id': tracking,
    'Content-Type': 'application/json', 'Content-Digest': digest,
    'Signature-Input': `payvand=${parameters}`,
    'Signature': `payvand=:${crypto.sign(ownHash, Buffer.from(base), ownWay)
      .toString('base64')}:`,
  };
};

// ---- the ledger: what came in one turn is committed together ----

const ledger = new Database(setup.ledger);
ledger.pragma('journal_mode = WAL');
ledger.pragma('synchronous = FULL');
ledger.exec('CREATE TABLE ledger(id INTEGER PRIMARY KEY, person BLOB, at_ms ' +
  'INTEGER, consumer TEXT, path TEXT, tracking_id TEXT, outcome TEXT);' +
  'CREATE INDEX ledger_person ON ledger(person, at_ms);');
const insert = ledger.prepare('INSERT INTO ledger(person, at_ms, consumer, ' +
  "path, tracking_id, outcome) VALUES(?, ?, ?, ?, ?, 'answered')");
const secret = crypto.randomBytes(32);
let waiting = [];
const commit = ledger.transaction((rows) => {
  for (const row of rows) insert.run(row.values);
});
const record = (values) => new Promise((done) => {
  if (waiting.length === 0) {
    setImmediate(() => {
      const rows = waiting;
      waiting = [];
      commit(rows);
      for (const row of rows) row.done();
    });
  }
  waiting.push({values, done});
});

// ---- the service ----

let find;
if (setup.database.sqlite) {
  const people = new Database(setup.database.sqlite, {readonly: true});
  const statement = people.prepare('SELECT first_name, last_name, father_name,' +
    ' birth_date FROM person WHERE national_id = ?');
  find = async (id) => statement.get(id);
} else {
  const pool = new (need('pg').Pool)({...setup.database.pg, max: 4});
  find = async (id) => (await pool.query({name: 'person', text:
    'SELECT first_name, last_name, father_name, birth_date FROM person ' +
    'WHERE national_id = $1', values: [id]})).rows[0];
}

const server = need('fastify')({keepAliveTimeout: 600000});
server.removeContentTypeParser('application/json');
server.addContentTypeParser('application/json', {parseAs: 'string'},
  (req, body, done) => done(null, body));
server.post(setup.path, async (request, reply) => {
  const req = request.raw;
  if (!verify(req, request.body)) return reply.code(400).send('signature');
  const asked = JSON.parse(request.body);
  if (!isRequest(asked)) return reply.code(400).send('request');
  const row = await find(asked.id);
  const answer = row ? {found: 'yes', ...row} : {found: 'no'};
  if (!isAnswer(answer)) return reply.code(500).send('answer');
  const tracking = req.headers['payvand-tracking-id'];
  await record([crypto.createHmac('sha256', secret).update(asked.id).digest(),
    Date.now(), req.headers['payvand-consumer'], req.url, tracking]);
  const body = JSON.stringify(answer);
  return reply.headers(sign(req, body, tracking)).send(body);
});
server.listen({path: setup.socket});
