// A Node.js reverse proxy with the same duties as the others: mTLS in, the
// upstream by TLS with a client certificate and keep-alive.
'use strict';

const fs = require('fs');
const https = require('https');

const setup = JSON.parse(fs.readFileSync(process.argv[2]));
const file = (name) => fs.readFileSync(`${setup.pki}/${name}`);

const agent = new https.Agent({
  keepAlive: true, maxSockets: 2000, maxFreeSockets: 2000,
  ca: file('ca.crt'), cert: file('exchange.crt'), key: file('exchange.key'),
  servername: 'provider.payvand.test', minVersion: 'TLSv1.3',
  ciphers: setup.suite,
});

const server = https.createServer({
  cert: file('exchange.crt'), key: file('exchange.key'), ca: file('ca.crt'),
  requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3',
  ciphers: setup.suite, keepAliveTimeout: 600000,
}, (req, res) => {
  const provider = Number(req.url.slice('/x/provider-'.length).split('/')[0]);
  const out = https.request({
    agent, host: '127.0.0.1', port: setup.upstreams[provider],
    path: req.url, method: req.method,
    headers: {
      'content-type': req.headers['content-type'],
      'content-length': req.headers['content-length'],
    },
  }, (answer) => {
    res.writeHead(answer.statusCode, {
      'Content-Type': answer.headers['content-type'],
      'Content-Length': answer.headers['content-length'],
    });
    answer.pipe(res);
  });
  out.on('error', () => { res.writeHead(502); res.end(); });
  req.pipe(out);
});
server.keepAliveTimeout = 600000;
server.maxRequestsPerSocket = 0;
server.listen(setup.port, '127.0.0.1', 4096);
