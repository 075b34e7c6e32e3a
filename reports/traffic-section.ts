import type { Guess } from "../shadow/inspect/guesses.ts";
import type { Role } from "../shadow/inspect/names.ts";
import type { TrafficInspection } from "../shadow/inspect/traffic.ts";
import { clipped, count, printable } from "./format.ts";

/**
 * The `traffic:` section of a foretaste.yaml, every guess with its reason, and with the runner-up as a line to swap in.
 *
 * What could not be guessed, or only by content, is a commented line; the session is needed, so a doubtful one stands.
 *
 * @param sources paths or patterns as the project's file will name them, relative to its folder
 */
export function trafficSection(inspection: TrafficInspection, sources: readonly string[]): string {
  const { files, records, guesses } = inspection;
  const columns = [
    ...sessionLines(inspection),
    ...roleLines("user", guesses.user, "none found: every session is its own user"),
    ...roleLines("at", guesses.at, "none found: state arrivals below, or name a column"),
    ...startLines(inspection),
    ...roleLines("request", guesses.request, "none found: needed to replay a policy module"),
    ...roleLines("response", guesses.response, "none found: optional"),
  ];
  const empty = columns.every(({ off }) => off === true);
  return [
    `# Guessed from ${count(records)} records in ${files.length === 1 ? "1 file" : `${count(files.length)} files`}: check every line.`,
    "traffic:",
    ...(sources.length === 1
      ? [`  source: ${scalar(sources[0] as string)}`]
      : ["  source:", ...sources.map((source) => `    - ${scalar(source)}`)]),
    `  ${empty ? "# " : ""}columns:`,
    ...aligned(columns, "    "),
    ...aligned(attributeLines(inspection), "  "),
    ...(guesses.at?.sure
      ? []
      : aligned([{ text: "arrivals: { perDay: 1000, pattern: flat }", off: true, comment: arrivalsComment }], "  ")),
    "",
  ].join("\n");
}

const arrivalsComment = "for a log without times: how many sessions a day there are; flat, diurnal or a file";

/** One line of YAML; `off` is a comment that becomes a line when its # is taken away. */
interface Line {
  readonly text: string;
  readonly comment?: string;
  readonly off?: boolean;
}

function sessionLines(inspection: TrafficInspection): Line[] {
  const { guesses, columns, unreadable, records } = inspection;
  const { session } = guesses;
  if (session) {
    const why = session.sure ? session.why : `UNSURE, by its content only: ${session.why}`;
    return [{ text: `session: ${scalar(session.column)}`, comment: why }, ...runnerUp("session", session)];
  }
  const own = columns.find(
    ({ name, distinct, approximate, spaced, meanLength }) =>
      name !== "" && !approximate && distinct === records - unreadable.records && (spaced === 0 || meanLength <= 40),
  );
  return [
    {
      text: "session: COLUMN",
      off: true,
      comment: "needed, and none could be guessed: no column is named or repeats like a session's id",
    },
    ...(own
      ? [
          {
            text: `session: ${scalar(own.name)}`,
            off: true,
            comment: "makes every record a session of its own: its values all differ",
          },
        ]
      : []),
  ];
}

function roleLines(role: Role, guess: Guess | null, absent: string): Line[] {
  if (!guess) return [{ text: `${role}: COLUMN`, off: true, comment: absent }];
  const line = { text: `${role}: ${scalar(guess.column)}`, comment: guess.why };
  return [guess.sure ? line : { ...line, off: true, comment: `unsure, ${guess.why}` }, ...runnerUp(role, guess)];
}

function runnerUp(role: Role, { runnerUp: second }: Guess): Line[] {
  if (!second) return [];
  return [{ text: `${role}: ${scalar(second.column)}`, off: true, comment: `or: ${second.why}` }];
}

/** Times that count from the log's start are added to it by an expression. */
function startLines({ guesses, warnings }: TrafficInspection): Line[] {
  const { at } = guesses;
  if (!at?.sure || !warnings.some(({ kind }) => kind === "times from the log's start")) return [];
  const column = `"${at.column.replaceAll('"', '""')}"`;
  const expression = `timestamp '2026-01-05 00:00:00' + to_seconds(cast(${column} as double))`;
  return [
    {
      text: `at: { sql: ${quoted(expression)} }`,
      off: true,
      comment: "or, if these are seconds since the log's start: put its time here",
    },
  ];
}

function attributeLines({ guesses }: TrafficInspection): Line[] {
  const { chosen, others } = guesses.attributes;
  const item = (column: string) => `  - ${scalar(column)}`;
  const off = others.map(({ column, why }) => ({ text: item(column), off: true, comment: why }));
  if (chosen.length === 0) {
    return [
      { text: "attributes:", off: true, comment: "none found: columns of few values that stay the same in a session" },
      ...off,
    ];
  }
  return [{ text: "attributes:" }, ...chosen.map(({ column, why }) => ({ text: item(column), comment: why })), ...off];
}

function aligned(lines: readonly Line[], indent: string): string[] {
  const shown = lines.map(({ text, off }) => (off ? `# ${text}` : text));
  const width = Math.min(48, Math.max(0, ...shown.map((text) => Array.from(text).length)));
  return lines.map(({ comment }, i) => {
    const text = shown[i] as string;
    const padding = " ".repeat(Math.max(0, width - Array.from(text).length));
    return `${indent}${text}${comment === undefined ? "" : `${padding}  # ${oneLine(comment)}`}`;
  });
}

/** A text as a YAML scalar on one line: bare where nobody can take it for something else. */
function scalar(text: string): string {
  const bare =
    /^((\.{1,2}\/)+|\/)?[A-Za-z_][\w./*?-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return bare ? text : quoted(text);
}

/** JSON is YAML, apart from characters that YAML wants escaped, or that a reader cannot see, and JSON leaves. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function oneLine(text: string): string {
  return clipped(printable(text).replace(/\s+/g, " "), 160);
}
