// Makes a container, as the owner of a storage account does it: ENDPOINT ACCOUNT KEY CONTAINER.
// The endpoint has the account in its path.

import { createHmac } from "node:crypto";

const [endpoint, account, key, container] = process.argv.slice(2);
const url = new URL(`${endpoint}/${container}?restype=container`);
const headers = { "x-ms-date": new Date().toUTCString(), "x-ms-version": "2021-12-02" };

// "Authorize with Shared Key": the verb, eleven headers that are not sent, those of x-ms, the resource.
const signed = [
  "PUT",
  ...Array(11).fill(""),
  ...Object.entries(headers).map(([name, value]) => `${name}:${value}`),
  `/${account}${url.pathname}`,
  "restype:container",
].join("\n");
const signature = createHmac("sha256", Buffer.from(key, "base64")).update(signed).digest("base64");

const answer = await fetch(url, {
  method: "PUT",
  headers: { ...headers, authorization: `SharedKey ${account}:${signature}` },
});
if (answer.status !== 201) {
  console.error(`${answer.status}: ${await answer.text()}`);
  process.exit(1);
}
