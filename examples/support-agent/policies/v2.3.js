import { definePolicy } from "foretaste";
import { supportAgent } from "./agent.js";

const config = {
  model: "gpt-4-turbo-2024-04-09",
  temperature: 0,
  maxTokens: 1024,
  usdPerMillionTokens: { input: 10, output: 30 },
  tools: ["find_order", "find_invoice", "issue_refund", "reset_password", "search_help"],
  guardrails: { scoreAbove: 0.6, patterns: ["ignore (all )?previous instructions"] },
  prompt: [
    "You are the support agent of an online shop. Be brief and friendly.",
    "Look an order or an invoice up before you speak about it. Never guess a date, a price or a status.",
    "Issue a refund only for an order that was returned or arrived broken.",
    "Hand over to a colleague when you cannot solve the case.",
  ].join("\n"),
};

/** How often this prompt lets the model solve a case of average difficulty. */
const skill = { billing: 0.74, order_status: 0.74, technical: 0.74, refund: 0.74, account: 0.74, cancellation: 0.74 };

export default definePolicy({
  name: "support-agent",
  version: "2.3",
  deterministic: true,
  config,
  open: supportAgent({ config, skill }),
});
