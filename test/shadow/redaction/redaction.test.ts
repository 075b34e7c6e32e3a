import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../io/hash.ts";
import { InputError } from "../../../plan/input-error.ts";
import { parseJsonPath, pathMatcher } from "../../../shadow/redaction/json-path.ts";
import { deepCanonicalJson } from "../../../shadow/redaction/json-pieces.ts";
import { redactor } from "../../../shadow/redaction/redaction.ts";
import { parsePattern, type RedactionRules } from "../../../shadow/redaction/rules.ts";
import { repository } from "../../support/folders.ts";

const kinds = ["email", "phone", "card", "key"] as const;
const key = "a key of the project";
const make = (rules: Partial<RedactionRules> = {}) => redactor({ kinds, paths: [], patterns: [], ...rules }, key);
const redacted = (value: unknown, rules: Partial<RedactionRules> = {}) => make(rules).redact(value);

/** Tokens become their kinds, for tables that a person can read. */
const readable = (text: string) => text.replaceAll(/\[(\w+):[\da-f]{12}\]/g, "‹$1›");
const tokensIn = (value: unknown) =>
  [...JSON.stringify(value).matchAll(/\[[a-z]\w*:[\da-f]{12}\]/g)].map(([own]) => own);

/** Shapes of keys, put together here so that no scanner takes this file for a leak. */
const fake = (prefix: string, length: number) => prefix + "x9Fq2LmZ7tRb4Kd8".repeat(20).slice(0, length);
const jwt = `${fake("eyJ", 20)}.${fake("eyJ", 30)}.${fake("", 43)}`;
const pem = (name: string) => `-----BEGIN ${name}-----\n${fake("MII", 61)}\n${fake("", 64)}\n-----END ${name}-----`;

describe("an e-mail address", () => {
  it.each([
    ["alone", "mia@example.com", "‹email›"],
    ["with a tag and a country's domain", "user+tag@sub.example.co.uk", "‹email›"],
    ["before a full stop", "Write to mia@example.com.", "Write to ‹email›."],
    ["before an exclamation mark", "mia@example.com!", "‹email›!"],
    ["before an ellipsis", "mia@example.com...", "‹email›..."],
    ["in angle brackets", "Mia <mia@example.com>", "Mia <‹email›>"],
    ["in a link", '<a href="mailto:mia@example.com?subject=hi">', '<a href="mailto:‹email›?subject=hi">'],
    ["in a chat's link", "<mailto:mia@example.com|mia@example.com>", "<mailto:‹email›|‹email›>"],
    ["in a list", "mia@example.com,bo@example.org;cy@example.net", "‹email›,‹email›;‹email›"],
    ["in quotes", "'mia@example.com'", "'‹email›'"],
    ["in a printed list", "['mia', 'mia@example.com']", "['mia', '‹email›']"],
    ["in round brackets", "(mia@example.com)", "(‹email›)"],
    ["behind an equals sign", "email=mia@example.com&next=1", "email=‹email›&next=1"],
    ["behind a colon", "email:mia@example.com", "email:‹email›"],
    ["in capitals", "MIA@EXAMPLE.COM", "‹email›"],
    ["with an apostrophe", "o'brien@example.com", "‹email›"],
    ["with an underscore first", "_mia_@example.com", "‹email›"],
    ["with digits only", "12345678@example.com", "‹email›"],
    ["with a domain that begins with digits", "mia@163.com", "‹email›"],
    ["with hyphens", "mia-lou@my-shop.example.com", "‹email›"],
    ["with a hyphen behind it", "mia@example.com-home", "‹email›-home"],
    ["with a bullet before it", "-mia@example.com", "-‹email›"],
    ["with letters of Latin-1", "jörg.müller@bücher.example", "‹email›"],
    ["in Cyrillic", "почта@пример.рф", "‹email›"],
    ["in Greek", "μαρία@παράδειγμα.ελ", "‹email›"],
    ["in Han", "用户@例子.公司", "‹email›"],
    ["in punycode", "mia@xn--bcher-kva.xn--p1ai", "‹email›"],
    ["between Han", "请联系mia@example.com谢谢", "请联系‹email›谢谢"],
    ["before a Korean particle", "mia@example.com으로 보내세요", "‹email›으로 보내세요"],
    ["beside an emoji", "📧mia@example.com📧", "📧‹email›📧"],
    ["with a quoted name", '"mia lou"@example.com', "‹email›"],
    ["at an IP address in brackets", "mia@[192.0.2.1]", "‹email›"],
    ["of one letter each", "a@b.c", "‹email›"],
    ["of a VERP bounce", "bounce+mia@lists.example.com", "‹email›"],
    ["in a git remote", "git@example.com:shop/app.git", "‹email›:shop/app.git"],
    ["across lines", "mia@example.com\nbo@example.com", "‹email›\n‹email›"],
    ["behind an escaped line end in broken JSON", '{"text":"Hi\\nmia@example.com', '{"text":"Hi\\n‹email›'],
  ])("%s is found", (_, text, expected) => {
    expect(readable(make().text(text))).toBe(expected);
  });

  it.each([
    ["percent encoding", "to=mia%40example.com&x=1", "to=‹email›&x=1"],
    ["percent encoding with a tag", "mailto:mia%2Btag%40example.com", "mailto:‹email›"],
    ["percent encoding, twice", "mia%2540example.com", "‹email›"],
    ["a decimal reference", "mia&#64;example.com", "‹email›"],
    ["a decimal reference without its end", "mia&#64example.com", "‹email›"],
    ["a hexadecimal reference", "mia&#x40;example&#x2E;com", "‹email›"],
    ["a named reference", "mia&commat;example&period;com", "‹email›"],
    ["references for every sign", "&#109;&#105;&#97;&#64;&#101;&#120;&#46;&#99;&#111;&#109;", "‹email›"],
    ["a JSON escape", "mia\\u0040example.com", "‹email›"],
    ["a JSON escape, twice", "mia\\\\u0040example.com", "‹email›"],
    ["a hexadecimal escape", "mia\\x40example.com", "‹email›"],
    ["a code point escape", "mia\\u{40}example.com", "‹email›"],
    ["a space of no width", "mia\u200b@exa\u200bmple.com", "‹email›"],
    ["a soft hyphen", "mia@exam\u00adple.com", "‹email›"],
    ["a word joiner as a reference", "mia&#8288;@example.com", "‹email›"],
    ["the full-width sign", "mia＠example.com", "‹email›"],
    ["the small sign", "mia﹫example.com", "‹email›"],
  ])("is found behind %s", (_, text, expected) => {
    expect(readable(make().text(text))).toBe(expected);
  });

  it.each([
    "see you @ 5pm",
    "@mia said hi",
    "hi @mia.lou, and @bo",
    "mia@localhost",
    "a@b",
    "npm i lodash@4.17.21",
    "react@18.x",
    "pkg@1.2.3-beta.1",
    "typescript@5.0.0-dev.abcdef",
    "@scope/pkg@2.0.0",
    "icon@2x.png",
    "logo@3x.webp and logo@2x.jpg",
    "root@10.0.0.5",
    "user@192.168.0.1:22",
    "SELECT @@sql_mode",
    "chrysler lebaron town @ country (sw)",
    "price: 3 @ 4.50",
    "@Injectable() class A {}",
    "@media (max-width: 10px)",
    "@import url(x.css)",
    "foo@",
    "@example.com",
    "a @ b.com",
    "mia@ example.com",
    "mia @example.com",
    "mia@.com",
    "mia@-.com",
    "mia@example..com",
    '{"handle":"@mia.dev"}',
    "sha256@1234567890",
    "10@20.30",
    "==@==.==",
    "docker pull repo/app@sha256:abcdef",
    "50% @ 3.5x",
  ])("is not %j", (text) => {
    expect(make().text(text)).toBe(text);
  });

  it("has one token in any letter case, in punycode, with a tag of its own, and in any disguise", () => {
    const token = make().text("mia@bücher.example");
    for (const same of ["MIA@Bücher.Example", "mia@xn--bcher-kva.example", "mia%40b%C3%BCcher.example"])
      expect(make().text(same)).toBe(token);
    for (const other of ["mia+tag@bücher.example", "mia@bucher.example", "mi.a@bücher.example"])
      expect(make().text(other)).not.toBe(token);
  });
});

describe("a telephone number", () => {
  it.each([
    ["+49 30 23125000", "‹phone›"],
    ["+4915228817386", "‹phone›"],
    ["+49 (0) 30 23125 000", "‹phone›"],
    ["+49 (0)30/23125-000", "‹phone›"],
    ["+49-171-3920000", "‹phone›"],
    ["+44 20 7946 0958", "‹phone›"],
    ["+447700900123", "‹phone›"],
    ["+1 (202) 555-0143", "‹phone›"],
    ["+1-202-555-0143", "‹phone›"],
    ["+1.2025550143", "‹phone›"],
    ["+33 1 99 00 12 34", "‹phone›"],
    ["+86 138 0013 8000", "‹phone›"],
    ["+91 98765 43210", "‹phone›"],
    ["0049 30 23125000", "‹phone›"],
    ["0044 20 7946 0958", "‹phone›"],
    ["(202) 555-0143", "‹phone›"],
    ["(202)555-0143", "‹phone›"],
    ["202-555-0143", "‹phone›"],
    ["202.555.0143", "‹phone›"],
    ["202 555 0143", "‹phone›"],
    ["202 555-0143", "‹phone›"],
    ["1-800-555-0199", "‹phone›"],
    ["1 202 555 0143", "‹phone›"],
    ["020 7946 0958", "‹phone›"],
    ["0161 496 0123", "‹phone›"],
    ["01632 960123", "‹phone›"],
    ["07700 900123", "‹phone›"],
    ["07700 900 123", "‹phone›"],
    ["(020) 7946 0958", "‹phone›"],
    ["030/23125000", "‹phone›"],
    ["030 23125000", "‹phone›"],
    ["030-23125000", "‹phone›"],
    ["089 / 99 99 80 00", "‹phone›"],
    ["(0221) 4710 000", "‹phone›"],
    ["0152 28817386", "‹phone›"],
    ["Call 202-555-0143 24/7", "Call ‹phone› 24/7"],
    ["call +49 30 23125000, please", "call ‹phone›, please"],
    ["Tel.:030/23125000.", "Tel.:‹phone›."],
    ["tel:+4930231250", "tel:‹phone›"],
    ["tel:2025550143", "tel:‹phone›"],
    ["whatsapp:+14155550143", "whatsapp:‹phone›"],
    ["phone=202-555-0143&x=1", "phone=‹phone›&x=1"],
    ["(202) 555-0143x85", "‹phone›x85"],
    ["+49 30 23125000 at 10:30", "‹phone› at 10:30"],
    ["202‑555‑0143", "‹phone›"],
    ["202\u00a0555\u00a00143", "‹phone›"],
    ["%2B49%2030%2023125000", "‹phone›"],
    ["&#43;49 30 23125000", "‹phone›"],
    ["２０２-５５５-０１４３", "‹phone›"],
    ["202\u200b-555-0143", "‹phone›"],
    ["202-555-0143, 202-555-0199", "‹phone›, ‹phone›"],
  ])("is %j", (text, expected) => {
    expect(readable(make({ kinds: ["phone"] }).text(text))).toBe(expected);
  });

  it.each([
    "2024-01-15",
    "2024-01-15T10:30:00Z",
    "2024-01-15T10:30:00.123456+01:00",
    "2024-01-15 10:30:00",
    "20240115T103000+0530",
    "15.01.2024 10:30",
    "01/15/2024 10:30:00",
    "05-06-2024 12:00",
    "10:30:00 - 11:45:00",
    "0930-1730",
    "1700000000",
    "1700000000000",
    "1700000000-1700000300",
    "1700000000.123456",
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-0151-1234-5678-123456789012",
    "$1,234,567.89",
    "EUR 1.234.567,89",
    "USD 1 234 567",
    "192.168.100.200",
    "10.0.0.1:8080",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
    "v1.23.456.7890",
    "1.2.3-20240115",
    "order 2025550143",
    "0123456789",
    "07700900123",
    "ORD-202-555-0143",
    "A202-555-0143",
    "202-555-01435",
    "4202-555-0143",
    "1-202-555-0143-9",
    "100 200 300 4000",
    "200 300 4000 500",
    "12 34 56 78 90",
    "01 02 03 04 05 06",
    "978-3-16-148410-0",
    "123-45-6789",
    "94103-1234",
    "03391-3817",
    "430 + 412 - (136 + 109)",
    "(1859 - 140) * 2 + (1440 - 108)",
    "+5 points, +100 coins, +1000000",
    "1e+10000000",
    "00:1A:2B:3C:4D:5E",
    "52.5200066, 13.404954",
    "isbn 0-306-40615-2",
    "00230569697",
    "[0.123, 4567.89, 1011.12]",
  ])("is not %j", (text) => {
    expect(make({ kinds: ["phone"] }).text(text)).toBe(text);
  });

  it("has one token however its groups are separated", () => {
    const token = make().text("+49 30 23125000");
    for (const same of ["+493023125000", "+49 (0)30/231-25000", "0049 30 23125000", "+49-30-23125000"])
      expect(make().text(same)).toBe(token);
    expect(make().text("+49 30 23125001")).not.toBe(token);
  });

  it("is found as digits in a member whose name says so", () => {
    const found = redacted({
      phone: "2025550143",
      customerPhone: 12025550143,
      fax: "030 1234567",
      mobile: ["07700900123"],
    });
    expect(JSON.parse(readable(JSON.stringify(found)))).toEqual({
      phone: "‹phone›",
      customerPhone: "‹phone›",
      fax: "‹phone›",
      mobile: ["‹phone›"],
    });
    const none = { phone: "iPhone 15", microphone: 3, cell: "A5", tel: null, phone_model: "1234567890", mobile: true };
    expect(redacted(none)).toBe(none);
  });
});

describe("a card number", () => {
  /** Test numbers that the payment processors publish. */
  it.each([
    ["4111111111111111", "‹card›"],
    ["4012888888881881", "‹card›"],
    ["4222222222222", "‹card›"],
    ["4000056655665556", "‹card›"],
    ["5555555555554444", "‹card›"],
    ["5105105105105100", "‹card›"],
    ["2223003122003222", "‹card›"],
    ["378282246310005", "‹card›"],
    ["371449635398431", "‹card›"],
    ["6011111111111117", "‹card›"],
    ["6011000990139424", "‹card›"],
    ["30569309025904", "‹card›"],
    ["38520000023237", "‹card›"],
    ["36227206271667", "‹card›"],
    ["3530111333300000", "‹card›"],
    ["3566002020360505", "‹card›"],
    ["6200000000000005", "‹card›"],
    ["6304000000000000", "‹card›"],
    ["6759649826438453", "‹card›"],
    ["2200000000000004", "‹card›"],
    ["4111 1111 1111 1111", "‹card›"],
    ["4111-1111-1111-1111", "‹card›"],
    ["4111\u00a01111\u00a01111\u00a01111", "‹card›"],
    ["4111‑1111‑1111‑1111", "‹card›"],
    ["3782 822463 10005", "‹card›"],
    ["4222 2222 2222 2", "‹card›"],
    ["6304 0000 0000 0000", "‹card›"],
    ["card 4111 1111 1111 1111 12/27 123", "card ‹card› 12/27 123"],
    ["my number is 4111111111111111.", "my number is ‹card›."],
    ["card=4111111111111111&cvc=123", "card=‹card›&cvc=123"],
    ["VISA4111111111111111", "VISA‹card›"],
    ["[4111111111111111, 5]", '["‹card›", 5]'],
    ["4111%201111%201111%201111", "‹card›"],
    ["４１１１１１１１１１１１１１１１", "‹card›"],
    ["4111\u200b111111111111", "‹card›"],
    ["4111111111111111 5555555555554444", "‹card› ‹card›"],
  ])("is %j", (text, expected) => {
    expect(readable(make({ kinds: ["card"] }).text(text))).toBe(expected);
  });

  it.each([
    "4111111111111112",
    "4111 1111 1111 1112",
    "1700000000000",
    "1700000000000000",
    "1700000000000000000",
    "1234567890123456",
    "0000000000000000",
    "9999999999999999",
    "411111111111111",
    "41111111111111111",
    "99941111111111111119",
    "4111111111111111000000",
    "0.4111111111111111",
    "4111111111111111.5",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "41 11 11 11 11 11 11 11",
    "4111  1111  1111  1111",
    "4111,1111,1111,1111",
    "550e8400-e29b-41d4-a716-446655440000",
    "2024-01-15T10:30:00.123456789Z",
    "978-3-16-148410-0",
    "+4915228817386",
    "1180590717411303424",
    "1699999999999999999",
    "3402823669209384634",
    "8901260123456789012",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
    "5555 1212",
    "6011",
    "4111 1111 1111",
    "7992739871300000",
    "2147483647 2147483647",
  ])("is not %j", (text) => {
    expect(make({ kinds: ["card"] }).text(text)).toBe(text);
  });

  it("is found as a JSON number, and keeps its token in any spelling", () => {
    const token = make().text("4111 1111 1111 1111");
    expect(redacted({ pan: 4111111111111111, n: 4111111111111112 })).toEqual({ pan: token, n: 4111111111111112 });
    expect(redacted([4111111111111111, -1, 0.5, 1e21, 1700000000000])).toEqual([token, -1, 0.5, 1e21, 1700000000000]);
    expect(make().text('{"pan": 4111111111111111}')).toBe(`{"pan": "${token}"}`);
    expect(make().text("4111-1111-1111-1111")).toBe(token);
  });

  it("is found with 19 digits in JSON that is a text, where a double cannot hold them", () => {
    expect(readable(make().text('{"pan":6304000000000000000}'))).toBe('{"pan":"‹card›"}');
    expect(readable(make().text('{"id":6304000000000000001}'))).toBe('{"id":6304000000000000001}');
  });

  it("is rarely a random number of 16 digits", () => {
    const numbers = fc.array(fc.noBias(fc.bigInt(10n ** 15n, 10n ** 16n - 1n)), { minLength: 2000, maxLength: 2000 });
    fc.assert(
      fc.property(numbers, (own) => {
        const finder = make({ kinds: ["card"] });
        finder.redact(own.map(String));
        // issuers have 0.2697 of all prefixes, of which a tenth begins with 0, and one check digit in ten is valid
        const share = 0.2697 / 0.9 / 10;
        const bound = 4 * Math.sqrt(2000 * share * (1 - share));
        expect(Math.abs((finder.counts().card ?? 0) - 2000 * share)).toBeLessThan(bound);
      }),
      { numRuns: 3, seed: 1 },
    );
  });
});

describe("a key", () => {
  const sk = fake("sk-", 40);
  it.each([
    ["an OpenAI key", sk, "‹key›"],
    ["a project's key", fake("sk-proj-", 60), "‹key›"],
    ["an Anthropic key", fake("sk-ant-api03-", 90), "‹key›"],
    ["a Stripe key", fake("sk_live_", 24), "‹key›"],
    ["a restricted Stripe key", fake("rk_test_", 24), "‹key›"],
    ["a GitHub token", fake("ghp_", 36), "‹key›"],
    ["a GitHub OAuth token", fake("gho_", 36), "‹key›"],
    ["a GitHub fine-grained token", fake("github_pat_", 80), "‹key›"],
    ["a Slack bot token", fake("xoxb-123456789012-", 24), "‹key›"],
    ["a Slack user token", fake("xoxp-123456789012-", 24), "‹key›"],
    ["an AWS key id", "AKIAIOSFODNN7EXAMPLE", "‹key›"],
    ["a temporary AWS key id", "ASIAIOSFODNN7EXAMPLE", "‹key›"],
    ["a Google key", fake("AIza", 35), "‹key›"],
    ["a GitLab token", fake("glpat-", 20), "‹key›"],
    ["a Hugging Face token", fake("hf_", 34), "‹key›"],
    ["an npm token", fake("npm_", 36), "‹key›"],
    ["a JSON web token", jwt, "‹key›"],
    ["a JSON web token in a sentence", `Use ${jwt} now`, "Use ‹key› now"],
    ["a key in a sentence", `my key is ${sk}.`, "my key is ‹key›."],
    ["a key in quotes", `client = OpenAI("${sk}")`, 'client = OpenAI("‹key›")'],
    ["a bearer token", "Authorization: Bearer abc123def456", "Authorization: Bearer ‹key›"],
    [
      "a bearer token in a command",
      `curl -H 'authorization: bearer ${jwt}' x`,
      "curl -H 'authorization: bearer ‹key›' x",
    ],
    ["basic credentials", "Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic ‹key›"],
    ["an RSA key", `a\n${pem("RSA PRIVATE KEY")}\nb`, "a\n‹key›\nb"],
    ["a key block", pem("PRIVATE KEY"), "‹key›"],
    ["an encrypted key", pem("ENCRYPTED PRIVATE KEY"), "‹key›"],
    ["a key block that is cut off", `x ${pem("EC PRIVATE KEY").slice(0, 120)}`, "x ‹key›"],
    ["a key block of escaped lines", pem("PRIVATE KEY").replaceAll("\n", "\\n"), "‹key›"],
    ["a password", "password=hunter2", "password=‹key›"],
    ["a password with a space before", "password = hunter2", "password = ‹key›"],
    ["a password behind a colon", "Password: hunter2", "Password: ‹key›"],
    ["a password before a full stop", "password=hunter2. Next", "password=‹key›. Next"],
    ["a bearer token before a full stop", "Bearer abc123.def456.", "Bearer ‹key›."],
    ["a password in markdown", "**Password:** hunter2", "**Password:** ‹key›"],
    ["a password in code", "`password`: `hunter2`", "`password`: `‹key›`"],
    ["a password in single quotes", "password='hunter two'", "password='‹key›'"],
    ["a password with an escaped quote", 'password: "hun\\"ter2", x', 'password: "‹key›", x'],
    ["a password in a hash", 'config["password"] => "hunter2"', 'config["password"] => "‹key›"'],
    ["a password among others", "user=mia;password=hun,ter2;host=h", "user=mia;password=‹key›;host=h"],
    ["a password in a flow mapping", "{user: mia, password: hunter2}", "{user: mia, password: ‹key›}"],
    ["a password in an element", "<password>hunter 2</password>", "<password>‹key›</password>"],
    ["a password on the command line", "mysql --password hunter2 --host h", "mysql --password ‹key› --host h"],
    ["a password in an address", "postgres://mia:hunter2@db.example/x", "postgres://mia:‹key›@db.example/x"],
    ["an environment variable", "export DB_PASSWORD=hunter2", "export DB_PASSWORD=‹key›"],
    ["an API key", "api_key: abc", "api_key: ‹key›"],
    ["an API key in a header", "X-API-Key: abc", "X-API-Key: ‹key›"],
    ["an API key in a query", "GET /v1?apikey=abc&q=1", "GET /v1?apikey=‹key›&q=1"],
    ["a client's secret", "client_secret=abc", "client_secret=‹key›"],
    ["an access token", "access_token=abc&x=1", "access_token=‹key›&x=1"],
    ["a member of broken JSON", '{"password": "hunter2", "x":', '{"password": "‹key›", "x":'],
    ["a member of escaped JSON", 'said \\"api_key\\": \\"hun ter2\\" ok', 'said \\"api_key\\": \\"‹key›\\" ok'],
    ["a member cut off inside", '{"a": 1, "password": "hunter two', '{"a": 1, "password": "‹key›'],
    ["a password with percent encoding", "password=hun%20ter%262&x=1", "password=‹key›&x=1"],
    ["a password behind references", "password&#61;&quot;hunter2&quot;", "password&#61;&quot;‹key›&quot;"],
    ["a key with a space of no width", `${sk.slice(0, 12)}\u200b${sk.slice(12)}`, "‹key›"],
  ])("is %s", (_, text, expected) => {
    expect(readable(make({ kinds: ["key"] }).text(text))).toBe(expected);
  });

  it.each([
    "The password is required",
    "password",
    "password:",
    "password= ",
    "Forgot your password? Reset it.",
    "passwords, tokens and secrets",
    "the token of appreciation",
    "a secret garden",
    "password: string;",
    "apiKey: str = None",
    "password=null",
    "token: undefined,",
    "password=***",
    "password: [REDACTED]",
    "password=<hidden>",
    `api_key=${"$"}{API_KEY}`,
    "api_key: {{ api_key }}",
    "token=$TOKEN",
    "apiKey: process.env.OPENAI_API_KEY",
    'api_key=os.environ["KEY"]',
    "max_tokens=512",
    "next_page_token=abc",
    "eos_token: </s>",
    "The key to success: work",
    "task-1234567890abcdefghijkl",
    "ask-me-anything-about-this-topic-1",
    "sk-learn-is-a-python-package",
    "risk-assessment-2024-quarterly-report",
    "Bearer of bad news",
    "bearer authentication",
    "bearer certificates are",
    "AKIA",
    "AKIAIOSFODNN7EXAMPLE7",
    "eyJhbGciOi.x",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
    "https://example.com:8080/a@b",
    "550e8400-e29b-41d4-a716-446655440000",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "ghp_short",
    "xoxo-love",
    "hf_model",
    "monkey: banana",
    "<token> is a placeholder <b>",
  ])("is not %j", (text) => {
    expect(make({ kinds: ["key"] }).text(text)).toBe(text);
  });

  it("is the text of a member whose name says so, in any spelling", () => {
    for (const name of [
      "password",
      "passwd",
      "DB_PASSWORD",
      "userPassword",
      "secret",
      "client-secret",
      "token",
      "accessToken",
    ]) {
      expect(readable(JSON.stringify(redacted({ [name]: "hunter two" }))), name).toContain('"‹key›"');
    }
    for (const name of [
      "api_key",
      "apiKey",
      "X-API-Key",
      "Authorization",
      "private_key",
      "aws.secretAccessKey",
      "Set-Cookie",
    ]) {
      expect(readable(JSON.stringify(redacted({ [name]: ["hunter two"] }))), name).toContain('["‹key›"]');
    }
  });

  it("has the token of the same secret elsewhere", () => {
    const token = make().text(sk);
    const { authorization, api_key, text, env } = redacted({
      authorization: `Bearer ${sk}`,
      api_key: sk,
      text: `key: ${sk}`,
      env: `API_KEY="${sk}"`,
    }) as Record<string, string>;
    expect(authorization).toBe(token);
    expect(api_key).toBe(token);
    expect(text).toBe(`key: ${token}`);
    expect(env).toBe(`API_KEY="${token}"`);
  });

  it("is a number only where it is a password, and never nothing", () => {
    const value = { token: 17, secret: null, password: "", api_key: true, tokens: "a b", passwords: { count: 2 } };
    expect(redacted(value)).toBe(value);
    expect(readable(JSON.stringify(redacted({ password: 123456, cvc: 123 })))).toBe(
      '{"password":"‹key›","cvc":"‹key›"}',
    );
  });

  it("is the value behind a name, in lists of headers, variables and attributes", () => {
    const list = [
      { name: "X-Api-Key", value: "abc" },
      { value: "hunter2", key: "DB_PASSWORD" },
      { name: "accept", value: "text/html" },
    ];
    const expected = [
      { name: "X-Api-Key", value: "‹key›" },
      { value: "‹key›", key: "DB_PASSWORD" },
      { name: "accept", value: "text/html" },
    ];
    expect(JSON.parse(readable(JSON.stringify(redacted(list))))).toEqual(expected);
    expect(JSON.parse(readable(make().text(JSON.stringify(list))))).toEqual(expected);
  });

  it("is not a word in a language model's log-probabilities", () => {
    const value = {
      logprobs: { content: [{ token: " the", logprob: -0.1, top_logprobs: [{ token: " a", logprob: -2 }] }] },
    };
    expect(redacted(value)).toBe(value);
    expect(make().text(JSON.stringify(value))).toBe(JSON.stringify(value));
  });
});

describe("a token", () => {
  it("is the kind and twelve hex digits that depend on the secret and the key", () => {
    expect(make().text("mia@example.com")).toMatch(/^\[email:[\da-f]{12}\]$/);
    expect(redactor({ kinds, paths: [], patterns: [] }, "another").text("mia@example.com")).not.toBe(
      make().text("mia@example.com"),
    );
  });

  /** hmac.new(b"key", b"mia@example.com", hashlib.sha256).hexdigest()[:12], Python 3.11 */
  it("is the beginning of an HMAC-SHA-256", () => {
    const known = redactor({ kinds: ["email"], paths: [], patterns: [] }, "key");
    expect(known.text("mia@example.com")).toBe("[email:d0a491d5cfeb]");
  });

  it("needs a key", () => {
    expect(() => redactor({ kinds, paths: [], patterns: [] }, "")).toThrow(RangeError);
  });

  it("is left alone, also inside of own patterns' reach", () => {
    const own = make({
      patterns: [
        { name: "word", pattern: "[a-z]+" },
        { name: "digits", pattern: "\\d{3,}" },
      ],
    });
    const once = own.text("mia@example.com has 12345");
    expect(own.text(once)).toBe(once);
    expect(make().text("[email:000000000000] [card:411111111111]")).toBe("[email:000000000000] [card:411111111111]");
  });
});

describe("a record", () => {
  it("without secrets is given back itself; with some it is a new value, and the input is untouched", () => {
    const clean = { a: [1, { b: "text", c: null }], d: true };
    expect(redacted(clean)).toBe(clean);
    const record = { a: ["mia@example.com", { b: 1 }], "bo@example.com": 2 };
    const before = structuredClone(record);
    expect(redacted(record)).not.toBe(record);
    expect(record).toEqual(before);
  });

  it.each([
    ["text", "x"],
    ["number", 1],
    ["null", null],
    ["boolean", false],
    ["undefined", undefined],
    ["array", []],
    ["object", {}],
  ])("may be a bare %s", (_, value) => {
    expect(redacted(value)).toBe(value);
  });

  it("keeps the members whose names become equal", () => {
    const found = redacted({ "mia@example.com": 1, "MIA@example.com": 2, "Mia@Example.com": { x: 3 } });
    const token = make().text("mia@example.com");
    expect(found).toEqual({ [token]: 1, [`${token}#2`]: 2, [`${token}#3`]: { x: 3 } });
    expect(redacted(found)).toEqual(found);
    expect(redacted({ [token]: 1, "mia@example.com": 2 })).toEqual({ [token]: 1, [`${token}#2`]: 2 });
    expect(make().text('{"mia@example.com":1,"MIA@example.com":2}')).toBe(`{"${token}":1,"${token}#2":2}`);
  });

  it("joins on the same identifier as a name, a text, and inside of JSON", () => {
    const token = make().text("mia@example.com");
    const found = redacted({ user: "mia@example.com", "mia@example.com": '{"to":"Mia@example.com"}' });
    expect(found).toEqual({ user: token, [token]: `{"to":"${token}"}` });
  });

  it("may have members called __proto__, constructor and toString", () => {
    const text = '{"__proto__":{"email":"mia@example.com"},"constructor":"bo@example.com","toString":1,"toJSON":"x"}';
    const found = redacted(JSON.parse(text)) as object;
    expect(Object.keys(found)).toEqual(["__proto__", "constructor", "toString", "toJSON"]);
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
    expect(readable(JSON.stringify(found))).toBe(
      '{"__proto__":{"email":"‹email›"},"constructor":"‹email›","toString":1,"toJSON":"x"}',
    );
    expect(readable(make().text(text))).toBe(
      '{"__proto__":{"email":"‹email›"},"constructor":"‹email›","toString":1,"toJSON":"x"}',
    );
  });

  it.each([
    ["arrays", "[", "]"],
    ["objects", '{"a":', "}"],
    ["both", '[{"a@example.com":', "}]"],
  ])("may nest a hundred thousand levels of %s, as a value and as a text", (_, open, close) => {
    const text = `${open.repeat(100_000)}"mia@example.com"${close.repeat(100_000)}`;
    let inner = redacted(JSON.parse(text));
    while (typeof inner === "object") inner = Object.values(inner as object)[0];
    expect(readable(inner as string)).toBe("‹email›");
    expect(make().text(text)).toHaveLength(
      text.length +
        (make().text("mia@example.com").length - "mia@example.com".length) +
        (open.includes("@") ? 100_000 * (make().text("a@example.com").length - "a@example.com".length) : 0),
    );
    const whole = make({ paths: ["$[0]", "$.a"] });
    expect(readable(whole.text(text)).length).toBeLessThan(20);
  });

  it("with very long texts takes time in proportion, whatever they hold", () => {
    const repeated = [
      "@",
      "a@",
      "a@b.",
      "+1 ",
      "1-",
      "4111 ",
      "0151 ",
      "sk-a-",
      "eyJa.",
      "password=",
      '\\"',
      "%4",
      "&#",
      "://a:",
      "[",
      '{"',
      "-----BEGIN PRIVATE KEY-----",
      "<token>",
      "Bearer ",
      "é",
      "\u200b",
      "[email:",
      "--token ",
    ];
    for (const part of repeated) {
      const text = part.repeat(Math.ceil(300_000 / part.length));
      expect(typeof make().text(text)).toBe("string");
    }
  }, 60_000);
});

describe("JSON inside of a text", () => {
  it("keeps its layout, its numbers' digits, and members that occur twice", () => {
    const text =
      ' {\n  "id" : 12345678901234567890,\t"x": 1.0e+2, "e":"mia\\u0040example.com", "e": "caf\\u00e9", "n": null }\n';
    expect(readable(make().text(text))).toBe(text.replace("mia\\u0040example.com", "‹email›"));
  });

  it("is found at every depth of quoting", () => {
    let text = '{"password":"hunter2","to":["mia@example.com"],"pan":4111111111111111}';
    for (let depth = 0; depth < 5; depth++) {
      const found = readable(make().text(text));
      expect(found).not.toMatch(/hunter2|mia|4111/);
      let inner: unknown = found;
      for (let i = 0; i <= depth; i++) inner = JSON.parse(inner as string);
      expect(inner).toEqual({ password: "‹key›", to: ["‹email›"], pan: "‹card›" });
      text = JSON.stringify(text);
    }
  });

  it("that is broken or amid other text is searched as text", () => {
    const found = readable(
      make().text('Result: {\\"email\\": \\"mia\\u0040example.com\\", \\"password\\": \\"hunter2\\"} done'),
    );
    expect(found).toBe('Result: {\\"email\\": \\"‹email›\\", \\"password\\": \\"‹key›\\"} done');
  });

  it("gives what the value gives", () => {
    const secret = fc.constantFrom(
      "mia@example.com",
      "MIA@example.com",
      "hunter2",
      "+49 30 23125000",
      "4111111111111111",
      "plain",
    );
    const name = fc.oneof(
      fc.constantFrom("password", "phone", "name", "key", "value", "logprobs", "token", "__proto__"),
      secret,
      fc.string(),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        secret,
        fc.string(),
        fc.integer(),
        fc.constant(4111111111111111),
        fc.constant(null),
        tie("array"),
        tie("object"),
      ),
      array: fc.array(tie("any"), { maxLength: 4 }),
      object: fc.dictionary(name, tie("any"), { maxKeys: 4, noNullPrototype: true }),
    })).any;
    fc.assert(
      fc.property(value, (own) => {
        const text = JSON.stringify(own);
        const rules = { paths: ["$..value[1]", "$.name"] };
        if (typeof own === "object" && own !== null)
          expect(make(rules).text(text)).toBe(JSON.stringify(redacted(JSON.parse(text), rules)));
      }),
      { numRuns: 500 },
    );
  });
});

describe("a path", () => {
  const record = () => ({
    input: { name: "Mia", age: 30, tags: ["a", "b"], none: null },
    messages: [
      { role: "user", content: "hello" },
      { role: "tool", content: { ssn: "123-45-6789", deep: [{ ssn: 123456789 }] } },
    ],
    "odd name": true,
    "a.b": "x",
  });
  const token = (value: unknown) => (redacted({ x: value }, { paths: ["$.x"] }) as { x: string }).x;

  it("has a token of the value's canonical JSON", () => {
    expect(token({ b: 1, a: [2] })).toBe(token({ a: [2], b: 1 }));
    expect(token({ b: 1, a: [2] })).toMatch(/^\[path:[\da-f]{12}\]$/);
    expect(token(1)).not.toBe(token("1"));
    expect(token(true)).not.toBe(token(false));
  });

  it.each([
    ["$.input.name", (own: ReturnType<typeof record>) => ({ ...own, input: { ...own.input, name: token("Mia") } })],
    ["$.input", (own) => ({ ...own, input: token(own.input) })],
    ["$.input.tags[1]", (own) => ({ ...own, input: { ...own.input, tags: ["a", token("b")] } })],
    ["$.input.tags[*]", (own) => ({ ...own, input: { ...own.input, tags: [token("a"), token("b")] } })],
    [
      "$.messages[*].content",
      (own) => ({ ...own, messages: own.messages.map((each) => ({ ...each, content: token(each.content) })) }),
    ],
    [
      "$..ssn",
      (own) => ({
        ...own,
        messages: [
          own.messages[0],
          { role: "tool", content: { ssn: token("123-45-6789"), deep: [{ ssn: token(123456789) }] } },
        ],
      }),
    ],
    ['$["odd name"]', (own) => ({ ...own, "odd name": token(true) })],
    ["$['a.b']", (own) => ({ ...own, "a.b": token("x") })],
    [
      "$.messages[1].content..[0].ssn",
      (own) => ({
        ...own,
        messages: [
          own.messages[0],
          { role: "tool", content: { ssn: "123-45-6789", deep: [{ ssn: token(123456789) }] } },
        ],
      }),
    ],
    ["$.*.name", (own) => ({ ...own, input: { ...own.input, name: token("Mia") } })],
  ] as [string, (own: ReturnType<typeof record>) => object][])(
    "%s replaces what it leads to, and nothing else",
    (path, expected) => {
      expect(redacted(record(), { kinds: [], paths: [path] })).toEqual(expected(record()));
      expect(JSON.parse(make({ kinds: [], paths: [path] }).text(JSON.stringify(record())))).toEqual(expected(record()));
    },
  );

  it("leaves null, which hides nothing, and values that are tokens", () => {
    expect(redacted(record(), { kinds: [], paths: ["$.input.none"] })).toEqual(record());
    const once = redacted(record(), { paths: ["$..*"] });
    expect(redacted(once, { paths: ["$..*"] })).toBe(once);
  });

  it("leads on into JSON inside of a text", () => {
    const found = redacted({ input: '{"name": "Mia", "n": [1]}' }, { paths: ["$.input.name"] });
    expect(found).toEqual({ input: `{"name": "${token("Mia")}", "n": [1]}` });
  });

  it("names an item by number and a member by text only", () => {
    expect(redacted({ a: ["x"], b: { 0: "y" } }, { paths: ['$.a["0"]', "$.b[0]"] })).toEqual({
      a: ["x"],
      b: { 0: "y" },
    });
  });

  it("stands at its steps and no more, however deep the value", () => {
    const paths = ["$..a..a..b", "$..a[*]..c"].map(parseJsonPath);
    const matcher = pathMatcher(paths.flatMap((own) => ("problem" in own ? [] : [own])));
    let states = matcher.start;
    for (let i = 0; i < 1000; i++) ({ states } = matcher.advance(states, i % 2 ? "a" : 0));
    expect(states.length).toBeLessThanOrEqual(6);
  });

  it("finds any member by its quoted name", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (names, deep) => {
          const path = `$${deep ? ".." : ""}${names.map((name) => `[${JSON.stringify(name)}]`).join("")}`;
          const parsed = parseJsonPath(path);
          expect(parsed).toEqual(names.map((name, i) => ({ kind: "member", name, deep: deep && i === 0 })));
          const text = JSON.stringify(
            names.reduceRight<unknown>((inner, name) => Object.fromEntries([[name, inner]]), "secret"),
          );
          expect(JSON.stringify(redacted(JSON.parse(text), { kinds: [], paths: [path] }))).not.toContain('"secret"');
        },
      ),
    );
  });

  it.each([
    ["input.name", 'the path "input.name" does not begin with $', "write $.input.name"],
    [".input", "does not begin with $", "write $.input"],
    ["", "does not begin with $", "write $."],
    ["$", "is the whole record", "$.input.name"],
    ["$.", "ends with a dot", "name a member after it"],
    ["$.a..", "ends with a dot", "name a member after it"],
    ["$input", 'has "input" at sign 2 where . or [ must stand', '$["odd name"]'],
    ["$.odd name", 'has " name" at sign 6 where . or [ must stand', '$["odd name"]'],
    ["$.a.[0]", 'has "[0]" at sign 5 where a name must stand', '$["odd name"]'],
    ["$[", "has a bracket that is not closed", "close it with ]"],
    ["$[a]", 'has "[a]" at sign 2 where ["name"], [0] or [*] must stand', '$["odd name"]'],
    ["$[-1]", "counts from the end of an array", "write [*] for all items"],
    ["$[1:3]", "has a slice", "write [*] for all items"],
    ["$[?(@.a==1)]", "has a filter", "write [*] for all items"],
    ['$["a","b"]', "names several at once", "write a path each"],
    ['$["\\q"]', "has an escape", '$["odd name"]'],
    ["$.*x", 'has "x" at sign 4', '$["odd name"]'],
  ])("is refused when it is %j", (path, problem, wayOut) => {
    const parsed = parseJsonPath(path);
    expect(parsed).toEqual({ problem: expect.stringContaining(problem), wayOut: expect.stringContaining(wayOut) });
    expect(() => make({ paths: ["$.ok", path] })).toThrow(InputError);
    expect(() => make({ paths: ["$.ok", path] })).toThrow(/^paths\[1\]: the path /);
  });
});

describe("an own pattern", () => {
  const patterns = [{ name: "customer", pattern: "CUST-\\d{4}" }];

  it("gives its name to the tokens", () => {
    const found = redacted({ "CUST-0001": ["see CUST-0001 and CUST-0002", 5] }, { patterns });
    expect(readable(JSON.stringify(found))).toBe('{"‹customer›":["see ‹customer› and ‹customer›",5]}');
    const [a, b, c] = tokensIn(found);
    expect(a).toBe(b);
    expect(b).not.toBe(c);
  });

  it("comes before the built-in kinds, and looks through disguises", () => {
    const own = make({ patterns: [{ name: "staff", pattern: "[a-z]+@shop\\.example" }] });
    expect(readable(own.text("mia@shop.example, mia%40shop.example, mia@example.com"))).toBe(
      "‹staff›, ‹staff›, ‹email›",
    );
  });

  it("also finds numbers, and texts in JSON from their beginning to their end", () => {
    const own = make({ patterns: [{ name: "ssn", pattern: "^\\d{9}$" }] });
    expect(readable(JSON.stringify(own.redact({ a: 123456789, b: 1234, c: '["987654321"]' })))).toBe(
      '{"a":"‹ssn›","b":1234,"c":"[\\"‹ssn›\\"]"}',
    );
  });

  it("that matches nothing at all redacts nothing", () => {
    const own = make({ patterns: [{ name: "empty", pattern: "x*" }] });
    expect(own.text("abc")).toBe("abc");
    expect(readable(own.text("axxb"))).toBe("a‹empty›b");
  });

  it("is refused with its problem when it is no expression, or its name is none", () => {
    expect(parsePattern({ name: "a", pattern: "(" })).toEqual({
      problem: expect.stringMatching(/^the pattern a is no regular expression \(Invalid regular expression.+\)$/),
      wayOut: expect.any(String),
    });
    for (const name of ["", "odd name", "1st", "email", "path", "a]b", "a".repeat(41)])
      expect(parsePattern({ name, pattern: "x" })).toHaveProperty("problem");
    expect(() => make({ patterns: [...patterns, { name: "b", pattern: "[" }] })).toThrow(
      /^patterns\[1\]: the pattern b /,
    );
  });
});

describe("canonical JSON without recursion", () => {
  it("is canonical JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(deepCanonicalJson(value)).toBe(canonicalJson(value));
      }),
    );
  });
});

/** Secrets, each with the signs by which it would be recognized. */
const secrets = fc.oneof(
  fc
    .tuple(
      fc.stringMatching(/^[a-z][a-z0-9._+]{0,10}[a-z0-9]$/),
      fc.stringMatching(/^[a-z][a-z0-9-]{1,8}[a-z0-9]\.(com|org|de|co\.uk)$/),
    )
    .filter(([local]) => !local.includes(".."))
    .map(([local, domain]) => ({ kind: "email", text: `${local}@${domain}` })),
  fc.stringMatching(/^\+49 [1-9]\d{2} [1-9]\d{6}$/).map((text) => ({ kind: "phone", text })),
  fc.stringMatching(/^\([2-9]\d{2}\) [2-9]\d{2}-\d{4}$/).map((text) => ({ kind: "phone", text })),
  fc.stringMatching(/^4\d{14}$/).map((digits) => ({ kind: "card", text: withCheckDigit(digits) })),
  fc.stringMatching(/^ghp_[A-Za-z0-9]{36}$/).map((text) => ({ kind: "key", text })),
  fc.stringMatching(/^sk-[a-z0-9]{10}7[A-Z0-9]{20}$/).map((text) => ({ kind: "key", text })),
);

function withCheckDigit(digits: string): string {
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const doubled = i % 2 === 0 ? 2 * Number(digit) : Number(digit);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

/** What may stand around a secret without being a part of it. */
const surroundings = fc.constantFrom(
  "",
  " ",
  "\n",
  ", ",
  " <",
  "> ",
  " (",
  ") ",
  '"',
  "'",
  " - ",
  ": ",
  "=",
  "|",
  "; ",
  "¿",
  "，",
  " é ",
  "\t",
  "\u2028",
);

const disguises: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text,
  (text) => [...text].map((sign) => `&#${sign.codePointAt(0)};`).join(""),
  (text) => [...text].map((sign) => `&#x${sign.codePointAt(0)?.toString(16)};`).join(""),
  (text) => encodeURIComponent(text).replaceAll(/[()]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`),
  (text) => [...text].map((sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  (text) => [...text].join("\u200b"),
];

type Planting = { readonly text: string; readonly value: unknown };

/** A value with a secret somewhere in it: a text, a part of one, a name, quoted JSON. */
const plantings = fc
  .tuple(
    fc.jsonValue(),
    surroundings,
    surroundings,
    fc.constantFrom(...disguises),
    fc.array(fc.nat(), { maxLength: 6 }),
    fc.nat(5),
  )
  .map(([root, before, after, disguise, way, form]) => (secret: string): Planting => {
    const text = `${before}${disguise(secret)}${after}`;
    const planted =
      form === 0
        ? { [text]: 1 }
        : form === 1
          ? JSON.stringify({ a: [text] })
          : form === 2
            ? JSON.stringify(JSON.stringify({ [text]: text }))
            : text;
    return { text: secret, value: plant(JSON.parse(JSON.stringify(root)), way, planted) };
  });

function plant(root: unknown, [step, ...way]: readonly number[], planted: unknown): unknown {
  if (root === null || typeof root !== "object" || step === undefined) return planted;
  const keys = Object.keys(root);
  if (keys.length === 0) return Array.isArray(root) ? [planted] : { x: planted };
  const key = keys[step % keys.length] as string;
  if (Array.isArray(root)) return root.with(Number(key), plant(root[Number(key)], way, planted));
  return Object.fromEntries(
    Object.entries(root).map(([name, own]) => [name, name === key ? plant(own, way, planted) : own]),
  );
}

/** Texts of the signs that secrets are made of. */
const secretish = fc.string({
  unit: fc.constantFrom(
    ..."ab@.+-0149 (){}[]:;,=/\\\"'%&#<>_~\n",
    "é",
    "例",
    "\u200b",
    "password",
    "token=",
    "Bearer ",
    "sk-",
    "+49 ",
    "4111",
    "\\u0040",
    "&#64;",
    "%40",
    "[email:",
    "0123456789ab",
    "://",
    "-----BEGIN PRIVATE KEY-----",
    "Basic ",
  ),
  maxLength: 24,
});

const anything = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    secretish,
    secretish.map((own) => JSON.stringify(own)),
    secrets.map(({ text }) => text),
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.bigInt(10n ** 12n, 10n ** 18n).map(Number),
    fc.constant(null),
    fc.boolean(),
    tie("array"),
    tie("object"),
  ),
  array: fc.array(tie("any"), { maxLength: 5 }),
  object: fc.dictionary(
    fc.oneof(
      secretish,
      secrets.map(({ text }) => text),
      fc.constantFrom("password", "phone", "value", "name", "__proto__"),
    ),
    tie("any"),
    { maxKeys: 5, noNullPrototype: true },
  ),
})).any;

const shape = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shape);
  if (value === null || typeof value !== "object") return "leaf";
  return Object.values(value).map(shape);
};

describe("redaction", () => {
  it("leaves no planted secret anywhere", () => {
    fc.assert(
      fc.property(secrets, plantings, ({ text }, planting) => {
        const { value } = planting(text);
        const found = JSON.stringify(redacted(value));
        expect(found.toLowerCase()).not.toContain(text.toLowerCase());
        expect(tokensIn(found).length).toBeGreaterThan(0);
      }),
      { numRuns: 3000 },
    );
  });

  it("gives equal secrets equal tokens wherever they are, and different ones different tokens", () => {
    fc.assert(
      fc.property(secrets, secrets, plantings, plantings, (one, other, here, there) => {
        const clean = (planting: typeof here) => tokensIn(redacted(planting("").value)).length === 0;
        fc.pre(clean(here) && clean(there) && one.text.toLowerCase() !== other.text.toLowerCase());
        const own = make();
        const [a, b, c] = [here(one.text), there(one.text), there(other.text)].map(
          ({ value }) => new Set(tokensIn(own.redact(value))),
        );
        expect(a).toEqual(b);
        expect(a).not.toEqual(c);
      }),
      { numRuns: 1000 },
    );
  });

  it("changes nothing more the second time", () => {
    const rules = {
      paths: ["$..name", "$[0].value"],
      patterns: [
        { name: "own", pattern: "a\\b.{0,3}\\b" },
        { name: "more", pattern: "^\\d|0$" },
      ],
    };
    fc.assert(
      fc.property(anything, fc.constantFrom({}, rules), (value, own) => {
        const once = redacted(value, own);
        expect(JSON.stringify(redacted(once, own))).toBe(JSON.stringify(once));
        expect(redacted(once, own)).toBe(once);
      }),
      { numRuns: 3000 },
    );
  });

  it("keeps the structure, and leaves the input alone", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const before = JSON.stringify(value);
        const found = redacted(value);
        expect(shape(found)).toEqual(shape(value));
        expect(JSON.stringify(value)).toBe(before);
      }),
      { numRuns: 1000 },
    );
  });

  it("counts every token that it leaves behind", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(secrets, plantings), { minLength: 1, maxLength: 4 }), (all) => {
        const own = make({ paths: ["$..name"] });
        let tokens = 0;
        for (const [{ text }, planting] of all) tokens += tokensIn(own.redact(planting(text).value)).length;
        expect(Object.values(own.counts()).reduce((sum, n) => sum + n, 0)).toBe(tokens);
        expect(Object.keys(own.counts())).toEqual(["email", "phone", "card", "key", "path"]);
      }),
      { numRuns: 1000 },
    );
  });

  it("never throws, whatever a text holds", () => {
    const own = make({ paths: ["$..a"], patterns: [{ name: "own", pattern: "a.c" }] });
    fc.assert(
      fc.property(fc.oneof(secretish, fc.string({ unit: "binary" }), fc.json()), (text) => {
        expect(typeof own.text(text)).toBe("string");
        expect(typeof own.redact(text)).toBe("string");
      }),
      { numRuns: 3000 },
    );
  });

  it("gives a text without secrets back as it is", () => {
    fc.assert(
      fc.property(fc.lorem({ mode: "sentences", maxCount: 5 }), (text) => {
        expect(make().text(text)).toBe(text);
      }),
    );
  });
});

const recorded = join(repository, "..", "shared", "data", "agents");
const there = existsSync(recorded);
if (!there) console.info("skipped: the recorded agents' logs are not beside the project");

/** Addresses counted by an expression of its own in the originals; tau-bench @ 59a200c, InterCode @ c3e46d8. */
describe.skipIf(!there)("redaction of recorded logs", () => {
  it.each([
    ["tau_gpt-4o-airline.json.gz", 127],
    ["ic_sql_multiturn_gpt-3.5_10_turns.json.gz", 413],
    ["ic_sql_multiturn_gpt-4_10_turns.json.gz", 352],
  ])("finds the addresses of %s, and nothing where only numbers stand", (file, addresses) => {
    const log: unknown = JSON.parse(gunzipSync(readFileSync(join(recorded, file))).toString("utf8"));
    const own = make();
    const found = JSON.stringify(own.redact(log));
    expect(JSON.stringify(log).match(/[\w.'+-]+@[\w-]+\.[a-z]{2,}/g)).toHaveLength(addresses);
    expect(own.counts()).toMatchObject({ email: addresses, card: 0, key: 0 });
    expect(found).not.toMatch(/\w@\w+\.\w/);
    expect(redacted(JSON.parse(found))).toEqual(JSON.parse(found));
  });
});
