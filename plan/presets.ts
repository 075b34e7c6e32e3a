import { agentPolicy } from "./presets/agent-policy.ts";
import { batch } from "./presets/batch.ts";
import { classifier } from "./presets/classifier.ts";
import { mcpServer } from "./presets/mcp-server.ts";
import { model } from "./presets/model.ts";
import type { Preset } from "./presets/preset.ts";
import { recommender } from "./presets/recommender.ts";

/** Rollouts to begin with, each with its metrics and a plan that parses. */
export const presets: readonly Preset[] = [agentPolicy, mcpServer, model, recommender, classifier, batch];
