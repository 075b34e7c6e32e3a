import { definePolicy } from "foretaste";
import { supportAgent } from "./agent.js";

const config = {
  model: "gpt-4-turbo-2024-04-09",
  temperature: 0,
  maxTokens: 1024,
  usdPerMillionTokens: { input: 10, output: 30 },
  tools: ["find_order", "find_invoice", "issue_refund", "reset_password", "search_help"],
  guardrails: {
    scoreAbove: 0.6,
    patterns: [
      "ignore (all )?previous instructions",
      "developer mode",
      // Social engineering for money. Customers with a broken parcel use the same words.
      "money back|chargeback|refund now",
    ],
  },
  prompt: [
    "You are the support agent of an online shop. Be brief and friendly.",
    "Look an order or an invoice up before you speak about it. Never guess a date, a price or a status.",
    "Issue a refund only for an order that was returned or arrived broken.",
    "Hand over to a colleague when you cannot solve the case.",
    "Billing: read the invoice line by line and compare it with the order before you answer. Name the line, the amount,",
    "the tax and the date of the charge. When a charge appears twice, check whether one is a reservation that the bank",
    "will drop. When a discount is missing, say which condition was not met.",
  ].join("\n"),
};

/** The billing paragraph helps where it was meant to, and a little elsewhere. */
const skill = { billing: 0.88, order_status: 0.75, technical: 0.75, refund: 0.75, account: 0.75, cancellation: 0.75 };

export default definePolicy({
  name: "support-agent",
  version: "2.4",
  deterministic: true,
  config,
  open: supportAgent({ config, skill }),
});
