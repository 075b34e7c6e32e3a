/** What a column can be to a rehearsal, besides an attribute. */
export type Role = "session" | "user" | "at" | "request" | "response";

/** How well a column's name says its role: tier 0 is said outright, 1 as a rule, 2 only when nothing better is there. */
export interface NameMatch {
  /** the name of the field that it is or ends in */
  readonly name: string;
  readonly tier: number;
  /** so for `sessionId`, not for `x_session_id` */
  readonly exact: boolean;
  /** position inside the tier */
  readonly order: number;
}

/**
 * What a column's name says about a role, or undefined.
 *
 * Case, camelCase and separators make no difference; `meta.user_id` ends in `user_id`. A word before it that turns the
 * meaning (`parent_run_id`, `system_prompt`, `expected_output`) makes it none.
 */
export function matchName(role: Role, column: string): NameMatch | undefined {
  const words = wordsOf(column);
  const bare = words.replaceAll("_", "");
  const known = names[role].flatMap((tier, i) => tier.map((name, order) => ({ name, tier: i, order })));
  const exact = known.find(({ name }) => bare === name.replaceAll("_", ""));
  if (exact) return { ...exact, exact: true };
  if (turned.test(words)) return undefined;
  const ending = known.find(({ name, tier }) => tier < alone[role] && words.endsWith(`_${name}`));
  return ending && { ...ending, exact: false };
}

/** Whether a name speaks of what happened in a request: an outcome, which is measured and makes no segment. */
export function isOutcomeName(column: string): boolean {
  return outcome.test(`_${wordsOf(column)}_`);
}

/** `conversationId`, `conversation-id` and `Conversation.ID` as `conversation_id`. */
function wordsOf(column: string): string {
  return column
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1_$2")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "_")
    .replace(/^_+|_+$/g, "")
    .replace(
      /(?<=_(input|prompt|query|request|output|response)|^(input|prompt|query|request|output|response))_(text|body|json|payload|content)$/,
      "",
    );
}

/** Names in use: OpenTelemetry's, LangSmith's, Langfuse's and the assistants' APIs' among them; the likelier first. */
const names: Readonly<Record<Role, readonly (readonly string[])[]>> = {
  session: [
    [
      "conversation_id",
      "session_id",
      "thread_id",
      "chat_id",
      "dialogue_id",
      "dialog_id",
      "conversation",
      "session",
      "thread",
    ],
    ["trace_id", "run_id", "task_id", "episode_id", "case_id", "ticket_id", "trace", "run", "chat"],
    ["key", "request_id", "interaction_id", "message_id", "event_id", "id", "uuid"],
  ],
  user: [
    ["user_id", "user", "uid"],
    ["customer_id", "customer", "member_id", "visitor_id", "account_id", "account", "client_id"],
    ["tenant_id", "tenant", "organization_id", "org_id", "workspace_id"],
  ],
  at: [
    ["timestamp", "started_at", "start_time", "requested_at", "request_time", "created_at", "ts", "time", "at"],
    ["event_time", "datetime", "created", "date_time", "date"],
    ["updated_at", "ended_at", "end_time", "finished_at", "completed_at"],
  ],
  request: [
    ["input", "prompt", "messages", "query", "question", "request"],
    ["user_message", "inputs", "message", "instruction", "text", "content"],
  ],
  response: [
    ["output", "response", "completion", "answer"],
    ["outputs", "reply", "generation", "assistant_message"],
  ],
};

/** From this tier on names are too common to be the end of another: `item_id`, `gen_text`. */
const alone: Readonly<Record<Role, number>> = { session: 2, user: 3, at: 3, request: 1, response: 2 };

const turned =
  /^(is|has|num|n|count|parent|root|previous|prev|next|last|first|system|sys|expected|reference|gold|target)_/;

const outcome =
  /_(errors?|status|success|succeeded|fail(ed|ure)?s?|reward|score|rating|feedback|click(s|ed)?|complet(ed|ion)|resolved|solved|latency|duration|cost|tokens?|retries|tool_calls?|error_code|http_code)_/;
