/**
 * What both versions share. The log has no texts: an answer is its length in tokens, and a limit ends it there. Whether the model
 * would have been briefer, had it known the limit, the log cannot say.
 */
export function assistant({ maxTokens }) {
  return () => ({
    respond({ inputTokens, outputTokens, webSearch }) {
      return {
        response: { tokens: Math.min(outputTokens, maxTokens) },
        measures: {
          input_tokens: inputTokens,
          output_tokens: Math.min(outputTokens, maxTokens),
          cut_off: outputTokens > maxTokens,
          web_search: webSearch,
        },
      };
    },
  });
}
