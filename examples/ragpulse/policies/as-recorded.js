import { definePolicy } from "foretaste";
import { assistant } from "./assistant.js";

/** The longest answer of the log has 2,183 tokens. */
const config = { maxTokens: 4096 };

export default definePolicy({
  name: "assistant",
  version: "as recorded",
  deterministic: true,
  config,
  open: assistant(config),
});
