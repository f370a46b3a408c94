// A published validator of JSON Schema 2020-12. Standard input:
// {"schemas": [...], "bodies": [[schema index, text], ...]}; standard output:
// one 0 or 1 a body. Arguments: the package's folder.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const load = createRequire(process.argv[2] + "/");
const Ajv = load("ajv/dist/2020").default;
const asked = JSON.parse(readFileSync(0, "utf8"));

// x-payvand-... members and formats say nothing to a validator
const ajv = new Ajv({ strict: false, validateFormats: false });
const checks = asked.schemas.map((schema) => ajv.compile(schema));
console.log(asked.bodies.map(
  ([at, text]) => (checks[at](JSON.parse(text)) ? 1 : 0)).join(""));
