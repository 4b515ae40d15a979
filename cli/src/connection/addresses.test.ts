/** Which addresses are used, and why (addresses.1 to addresses.5). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig, type StackFile } from "@openwhisk-harvest/core";
import fc from "fast-check";
import { type Addresses, type AddressSources, addressesOf } from "./addresses.js";
import { wskProperties } from "./wskprops.js";

const STACK: StackFile = {
  pid: 1,
  apihost: "http://127.0.0.1:3233",
  auth: "stack:key",
  namespace: "guest",
  sidecar: "http://127.0.0.1:3235",
  redis: "redis://127.0.0.1:6379",
  dataDir: ".harvest",
};
const NO_STACK = { missing: "no stack runs" };

function addresses({ flags = [], ...more }: Partial<AddressSources> & { flags?: readonly string[] } = {}): Addresses {
  return addressesOf({
    config: loadConfig({ flags }),
    environment: {},
    namedWskprops: undefined,
    homeWskprops: undefined,
    stack: NO_STACK,
    hasDocuments: false,
    ...more,
  });
}

const wskprops = (apihost: string, auth: string) => ({ path: "/home/u/.wskprops", text: `APIHOST=${apihost}\nAUTH=${auth}\n` });
const addressIn = (address: Addresses["apihost"] | Addresses["documents"]) => ("value" in address ? address.value : undefined);
const missingIn = (address: Addresses["apihost"] | Addresses["documents"]) => ("missing" in address ? address.missing : undefined);
const CONFIGURED = ["openwhisk.apihost=https://configured", "openwhisk.auth=c:k"];

describe("the addresses", () => {
  it("takes what is configured before everything else (addresses.1, addresses.3)", () => {
    const flags = [...CONFIGURED, "sidecar.url=http://s", "redis.url=redis://r", "couchdb.url=http://c"];
    const environment = { __OW_API_HOST: "environment", __OW_API_KEY: "e:k" };
    const { apihost, auth, sidecar, redis, documents } = addresses({
      flags,
      environment,
      homeWskprops: wskprops("wsk", "w:k"),
      stack: STACK,
    });
    assert.deepEqual([apihost, auth, sidecar, redis, documents].map(addressIn), [
      "https://configured",
      "c:k",
      "http://s",
      "redis://r",
      "http://c",
    ]);
  });

  it("asks its sources in order, and the home folder's last (addresses.3)", () => {
    const environment = { __OW_API_HOST: "environment", __OW_API_KEY: "e:k" };
    const named = { ...wskprops("named", "n:k"), path: "/named" };
    const home = wskprops("home", "h:k");
    const all = { environment, namedWskprops: named, homeWskprops: home, stack: STACK };
    assert.equal(addressIn(addresses({ flags: CONFIGURED, ...all }).apihost), "https://configured");
    assert.equal(addressIn(addresses(all).apihost), "https://environment");
    assert.equal(addressIn(addresses({ ...all, environment: {} }).apihost), "https://named");
    assert.equal(addressIn(addresses({ stack: STACK, homeWskprops: home }).apihost), STACK.apihost);
    assert.equal(addressIn(addresses({ homeWskprops: home }).apihost), "https://home");
    const withSidecar = addresses({ stack: STACK, homeWskprops: home, flags: ["sidecar.url=http://s"] });
    assert.deepEqual([addressIn(withSidecar.apihost), addressIn(withSidecar.redis)], ["https://home", undefined]);
  });

  it("never shows a key to a host that it was not given with (addresses.2)", () => {
    const part = fc.option(fc.constantFrom("a", "b", "c", "d"), { nil: undefined });
    const pair = fc.record({ apihost: part, auth: part });
    fc.assert(
      fc.property(pair, pair, pair, fc.boolean(), (configured, environment, home, isUp) => {
        const flags = Object.entries(configured).flatMap(([name, value]) => (value ? [`openwhisk.${name}=${value}.conf`] : []));
        const { apihost, auth } = addresses({
          flags,
          environment: {
            __OW_API_HOST: environment.apihost && `${environment.apihost}.env`,
            __OW_API_KEY: environment.auth && `${environment.auth}.env`,
          },
          homeWskprops: wskprops(home.apihost ? `${home.apihost}.home` : "", home.auth ? `${home.auth}.home` : ""),
          stack: isUp ? { ...STACK, apihost: "http://a.stack", auth: "a.stack" } : NO_STACK,
        });
        const [host, key] = [addressIn(apihost), addressIn(auth)];
        if (host !== undefined && key !== undefined) assert.equal(host.split(".").at(-1), key.split(".").at(-1));
        else assert.ok(missingIn(apihost) ?? missingIn(auth));
      }),
    );
  });

  it("names the half that is missing (addresses.2)", () => {
    assert.match(
      missingIn(addresses({ flags: [CONFIGURED[0] ?? ""], homeWskprops: wskprops("w", "w:k") }).auth) ?? "",
      /no openwhisk\.auth/,
    );
    assert.match(missingIn(addresses({ flags: [CONFIGURED[1] ?? ""], stack: STACK }).apihost) ?? "", /no openwhisk\.apihost/);
    assert.match(missingIn(addresses({ homeWskprops: wskprops("", "w:k") }).apihost) ?? "", /\.wskprops has AUTH and no APIHOST/);
    assert.match(missingIn(addresses({ environment: { __OW_API_HOST: "h" } }).auth) ?? "", /no __OW_API_KEY/);
    for (const address of [addresses().apihost, addresses().auth])
      assert.match(missingIn(address) ?? "", /No OpenWhisk is named.*no stack runs/);
  });

  it("uses the stack's other parts with the stack's OpenWhisk only (addresses.4)", () => {
    const own = addresses({ stack: STACK });
    assert.deepEqual([own.sidecar, own.redis, own.documents].map(addressIn), [STACK.sidecar, STACK.redis, STACK.dataDir]);
    assert.equal(own.namespace, "guest");
    const other = addresses({ stack: STACK, flags: CONFIGURED });
    for (const address of [other.sidecar, other.redis, other.documents])
      assert.match(missingIn(address) ?? "", /belongs to another OpenWhisk/);
    assert.equal(other.namespace, undefined);
    const byWsk = addresses({ stack: STACK, namedWskprops: wskprops(`${STACK.apihost}/`, "another:key") });
    assert.deepEqual([addressIn(byWsk.sidecar), byWsk.namespace], [STACK.sidecar, undefined], "the same OpenWhisk, another key");
  });

  it("takes documents by URL, of the stack, or in the data folder (addresses.5)", () => {
    assert.deepEqual(addresses({ stack: { ...STACK, couchdb: "http://c" } }).documents, {
      value: "http://c",
      from: "the stack of `harvest up` in .harvest",
      kind: "couchdb",
    });
    assert.deepEqual(addresses({ flags: CONFIGURED, hasDocuments: true }).documents, {
      value: ".harvest",
      from: "documents in dataDir",
      kind: "embedded",
    });
    assert.match(missingIn(addresses({ flags: CONFIGURED }).documents) ?? "", /couchdb\.url is not set.*has no documents/);
  });
});

describe("a file of wsk", () => {
  it("has names with values, comments, quotes, and values with equals signs", () => {
    const text = '# comment\nAPIHOST=https://host:443\r\n AUTH = "u:k=" \nNAMESPACE=_\n\nbroken line\nAPIGW_ACCESS_TOKEN=\n';
    assert.deepEqual(wskProperties(text), { APIHOST: "https://host:443", AUTH: "u:k=", NAMESPACE: "_", APIGW_ACCESS_TOKEN: "" });
  });
});
