// A published implementation of RFC 9421: signs the request that comes on
// standard input, or verifies the answer. Arguments: the package's folder.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const load = createRequire(process.argv[2] + "/");
const { httpbis, createSigner, createVerifier } = load(
  "http-message-signatures");
const asked = JSON.parse(readFileSync(0, "utf8"));

if (asked.sign) {
  const made = await httpbis.signMessage({
    key: createSigner(asked.key, asked.alg, asked.keyid),
    name: "payvand",
    fields: asked.fields,
    params: ["created", "expires", "nonce", "keyid", "alg", "tag"],
    paramValues: {
      created: new Date(asked.created * 1000),
      expires: new Date((asked.created + 60) * 1000),
      nonce: asked.nonce, tag: "payvand-request", alg: asked.alg,
    },
  }, asked.sign);
  console.log(JSON.stringify(made.headers));
} else {
  const right = await httpbis.verifyMessage({
    keyLookup: async (params) => params.keyid === asked.keyid ? {
      id: asked.keyid, algs: [asked.alg],
      verify: createVerifier(asked.key, asked.alg),
    } : null,
    requiredFields: ["content-digest", "payvand-outcome"],
    requiredParams: ["created", "expires", "keyid", "tag"],
    all: true,
  }, asked.answer, asked.request).catch(() => false);
  console.log(JSON.stringify(right === true));
}
