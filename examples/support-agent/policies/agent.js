/**
 * The code that both versions of the support agent share: it applies the guardrails of a configuration, and stands in
 * for the model. The stand-in solves a conversation when its difficulty is below the skill that the prompt gives the
 * model in that workflow; tokens, tool calls and service times are those of the recorded request.
 *
 * The guardrails read a request beside the model: a blocked answer has cost its tokens and its time, is withheld, and
 * calls no tools. A conversation in which anything was blocked is not solved.
 */
export function supportAgent({ config, skill }) {
  const patterns = config.guardrails.patterns.map((pattern) => new RegExp(pattern, "i"));
  const promptTokens = Math.ceil(config.prompt.length / CHARACTERS_PER_TOKEN);

  return (session) => {
    const { workflow } = session.attributes;
    let refused = false;

    return {
      respond(request) {
        const blocked =
          request.guardrail > config.guardrails.scoreAbove || patterns.some((pattern) => pattern.test(request.text));
        refused ||= blocked;
        const last = request.turn === request.turns;
        const solved = !refused && request.difficulty < skill[workflow];
        const transferred = last && !refused && request.difficulty > skill[workflow] + UNNOTICED;
        const inputTokens = promptTokens + request.context_tokens;
        const outputTokens = Math.min(request.generated_tokens, config.maxTokens);

        return {
          response: reply({ blocked, last, solved, transferred }),
          measures: {
            completed: last && solved,
            cost_usd:
              (inputTokens * config.usdPerMillionTokens.input + outputTokens * config.usdPerMillionTokens.output) / 1e6,
            latency_ms: Math.round(request.service_ms + inputTokens * PREFILL_MS_PER_TOKEN),
            tool_calls: blocked ? 0 : request.tool_calls,
            tool_errors: blocked ? 0 : request.tool_errors,
            guardrail_triggered: blocked,
            transferred,
          },
        };
      },
    };
  };
}

const CHARACTERS_PER_TOKEN = 4;
const PREFILL_MS_PER_TOKEN = 0.1;

/** Cases so little beyond the skill that the agent does not notice: it neither solves them nor hands them over. */
const UNNOTICED = 0.01;

function reply({ blocked, last, solved, transferred }) {
  if (blocked) return "I cannot help with this request.";
  if (transferred) return "A colleague will take over from here.";
  if (!last) return "Let me look into that for you.";
  return solved ? "Done. Is there anything else?" : "I hope this answers your question.";
}
