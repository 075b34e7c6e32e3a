import { definePolicy } from "foretaste";
import { assistant } from "./assistant.js";

const config = { maxTokens: 768 };

export default definePolicy({
  name: "assistant",
  version: "at most 768 tokens",
  deterministic: true,
  config,
  open: assistant(config),
});
