/** What the addon takes for a session, for children that see no TypeScript. */
export const SESSION = {
  prefixSeconds: 0,
  tailSeconds: 0,
  priority: "live",
  emitTokens: true,
  emitVad: false,
  emitPartials: false,
  times: "engine",
  moshiDelaySteps: -1,
  turn: null,
  refresh: null,
  prompt: null,
  bannedTokens: new Int32Array(),
  allowedTokens: new Int32Array(),
};
